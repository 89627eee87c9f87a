"""The application factory: it wires the parts, and does nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Request, Response, request
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter

from admin.clock import clock
from admin.faults import faults
from admin.health import health
from admin.journal import journal as requests
from admin.sandbox import sandbox
from api.docs import docs
from api.openapi import description
from api.platform_v1 import platform_v1
from api.v2 import v2
from database import connections
from demo.commands import backup, dump, load, reset
from demo.seeding import InvalidStateFile, seed_state_for
from demo.startup import DatabaseUnavailable, init_database
from inbox_page.page import inbox_page
from models import DEFAULT_SANDBOX
from web import errors, journal, request_log, response_headers
from web.request_body import StrictJSONProvider
from web.settings import WrongSetting, read_settings

VERSION = "0.5.0"


class SynchronousFlask(Flask):
    """Flask that speaks HTTP alone, and does not ask each time whether a function is async."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is: none here is async."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find routes whatever other protocol a client would like to speak (`Upgrade`)."""
        if request:
            request.environ.pop("HTTP_UPGRADE", None)
        return super().create_url_adapter(request)


def create_app(test_config: Mapping[str, Any] | None = None, *, prepare: bool = True) -> Flask:
    """Make the application, and prepare its database unless `prepare` is false.

    Settings come from `instance/config.py` and then from the environment (`FLASK_…`), which wins;
    a `test_config` takes the place of both. Raises WrongSetting for one that makes no sense.
    """
    app = SynchronousFlask(__name__, instance_relative_config=True, static_folder=None)
    read_settings(app, test_config)
    app.config["VERSION"] = VERSION
    app.url_map.merge_slashes = False  # `//` in a path is an unknown route like any other
    app.json = StrictJSONProvider(app)
    request_log.init_app(app)
    journal.init_app(app)
    try:
        connections.init_app(app)
    except ValueError as error:
        raise WrongSetting(f"FLASK_SQLALCHEMY_DATABASE_URI is wrong. {error}.") from None
    check_state(app)
    errors.init_app(app)
    response_headers.init_app(app)
    allow_origins(app)
    trust_proxies(app)
    app.register_blueprint(v2)
    app.register_blueprint(platform_v1)
    app.register_blueprint(description)
    app.register_blueprint(docs)
    app.register_blueprint(inbox_page)
    app.register_blueprint(health)
    if app.config["ADMIN_API"]:
        for control in (sandbox, clock, faults, requests):
            app.register_blueprint(control)
    for command in (reset, load, dump, backup):
        app.cli.add_command(command)
    if prepare:
        try:
            with app.app_context():
                app.extensions["database_was_empty"] = init_database()
        except DatabaseUnavailable as error:  # `flask reset` may mend it, and needs this app
            app.logger.error(error.message)
            app.before_request(prepare_for_request)
    return app


def prepare_for_request() -> None:
    """Prepare the database, or refuse the request with 503; a preflight needs none."""
    if request.method != "OPTIONS":
        init_database(is_start=False)


def check_state(app: Flask) -> None:
    """Raise WrongSetting if STATE names a file that is not a state."""
    try:
        with app.app_context():
            seed_state_for(DEFAULT_SANDBOX)
    except InvalidStateFile as error:
        raise WrongSetting(f"FLASK_STATE is wrong. {error}") from None


def allow_origins(app: Flask) -> None:
    """Let pages of the origins in CORS_ORIGINS call."""
    origins = app.config["CORS_ORIGINS"]
    CORS(
        app,
        origins=origins,
        methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
        expose_headers="Link X-Total-Count X-Ignored Preference-Applied Retry-After".split(),
        always_send=False,  # only to pages
        send_wildcard=True,
        max_age=86_400,  # seconds that a browser remembers a preflight
    )
    if origins != ["*"]:

        @app.after_request
        def vary_by_origin(response: Response) -> Response:
            """Keep caches from giving one origin the response of another."""
            response.vary.add("Origin")
            return response


def trust_proxies(app: Flask) -> None:
    """Believe what the proxies in front say of a request: its client, scheme, host and prefix."""
    if number := app.config["TRUSTED_PROXIES"]:
        fix = ProxyFix(app.wsgi_app, x_for=number, x_proto=number, x_host=number, x_prefix=number)
        app.wsgi_app = fix  # type: ignore[method-assign]
