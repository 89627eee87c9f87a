"""The application factory."""

import mimetypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter
from werkzeug.sansio.utils import host_is_trusted

from admin.routes import admin, health
from api.docs import docs, openapi
from api.platform_v1 import platform_v1
from api.v2 import v2
from database import connections
from demo.commands import commands
from demo.seeding import InvalidStateFile, seed_state_for
from demo.startup import DatabaseUnavailable, init_database
from inbox_page.page import inbox_page
from models import DEFAULT_SANDBOX
from web import hooks
from web.request_body import StrictJSONProvider
from web.settings import InvalidSetting, read_settings

VERSION = "0.5.0"
# No route supports ranges or `If-Match`, so these get the usual response.
IGNORED_HEADERS = ("HTTP_RANGE", "HTTP_IF_MATCH")
API_PREFIXES = ("/v2/", "/platform/v1/", "/__admin/")


class Service(Flask):
    """Flask without async views: the check for them takes 3% of a GET."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return a request's adapter; a host may have underscores, as of a container."""
        if request is None:
            return super().create_url_adapter(None)
        request.trusted_hosts = self.config["TRUSTED_HOSTS"]
        host = request.headers.get("Host", "")
        if not request.host and "_" in host and host_is_trusted(host.replace("_", "-")):
            request.host = host
        path = request.path if request.environ["PATH_INFO"] else ""  # redirected to `/`
        # `bind_to_environ`, which Flask calls, would check the host once more.
        address = request.host, request.root_path, "", request.scheme, request.method, path
        return self.url_map.bind(*address, request.query_string.decode(errors="replace"))


def create_app(test_config: Mapping[str, Any] | None = None, *, prepare: bool = True) -> Flask:
    """Create the application, and prepare its database unless `prepare` is false.

    Settings in the environment (`FLASK_…`) override those in `instance/config.py`; `test_config`
    replaces both. Raises InvalidSetting.
    """
    app = Service(__name__, instance_relative_config=True, static_folder=None)
    read_settings(app, test_config)
    app.config["VERSION"] = VERSION
    app.url_map.merge_slashes = False  # `//` in a path is an unknown route like any other
    app.json = StrictJSONProvider(app)
    mimetypes.knownfiles.clear()  # the system's types take 0.4 MB; browsers may reject some
    mimetypes.add_type("text/javascript", ".js")
    try:
        connections.init_app(app)
    except ValueError as error:
        raise InvalidSetting(f"FLASK_SQLALCHEMY_DATABASE_URI must be {error}.") from None
    try:
        with app.app_context():
            if app.config["STATE"]:
                seed_state_for(DEFAULT_SANDBOX)
    except InvalidStateFile as error:
        raise InvalidSetting(f"FLASK_STATE: {error}") from None
    hooks.init_app(app)
    prepare_requests(app)
    admin_api = [admin] if app.config["ADMIN_API"] else []
    for blueprint in (v2, platform_v1, openapi, docs, inbox_page, health, *admin_api, commands):
        app.register_blueprint(blueprint)
    if prepare:
        try:
            with app.app_context():
                app.extensions["database_was_empty"] = init_database()
        except DatabaseUnavailable:  # `flask reset` needs this app
            app.before_request(prepare_for_request)
    return app


def prepare_for_request() -> None:
    """Prepare the database, or refuse the request with 503; a preflight needs none."""
    if request.method != "OPTIONS":
        init_database(is_start=False)


def prepare_requests(app: Flask) -> None:
    """Remove unsupported headers and the last slash of API paths; trust TRUSTED_PROXIES."""
    serve, number = app.wsgi_app, app.config["TRUSTED_PROXIES"]

    def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for header in IGNORED_HEADERS:
            environ.pop(header, None)
        path = environ["PATH_INFO"]
        if path.endswith("/") and path[:-1].startswith(API_PREFIXES):
            environ["PATH_INFO"] = path[:-1]
        return serve(environ, start_response)

    fix = ProxyFix(wsgi_app, x_for=number, x_proto=number, x_host=number, x_prefix=number)
    app.wsgi_app = fix if number else wsgi_app  # type: ignore[method-assign]
