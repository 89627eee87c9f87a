"""The application factory: it wires the parts, and does nothing else."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from flask_cors.core import get_cors_options, set_cors_headers

from api import openapi
from api import v2 as views
from database import statements as database
from demo import seeding as seeds
from models import db
from web import errors, request_log
from web.request_body import StrictJSONProvider


def create_app(test_config: Mapping[str, Any] | None = None) -> Flask:
    """Make the application; its database is ready when this returns.

    Settings come from `instance/config.py` and then from the environment (`FLASK_…`), which wins;
    a `test_config` takes the place of both.
    """
    app = Flask(__name__, instance_relative_config=True, static_folder=None)
    app.config.from_mapping(
        SQLALCHEMY_DATABASE_URI="sqlite:///conversations.db",
        MAX_CONTENT_LENGTH=2**20,
        CORS_ORIGINS="*",
    )
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
        app.config.from_prefixed_env()
    else:
        app.config.from_mapping(test_config)
    app.json = StrictJSONProvider(app)
    request_log.init_app(app)
    db.init_app(app)
    database.init_app(app)
    errors.init_app(app)
    allow_origins(app)
    app.register_blueprint(views.api)
    app.register_blueprint(openapi.description)
    app.register_blueprint(openapi.docs)
    app.cli.add_command(seeds.seed)
    app.cli.add_command(seeds.reset)
    with app.app_context():
        try:
            seeds.prepare_database()
        except BaseException:
            db.session.remove()
            db.engine.dispose()
            raise
    return app


def allow_origins(app: Flask) -> None:
    """Let pages of the origins in CORS_ORIGINS call: a list, or a text with commas."""
    origins = app.config["CORS_ORIGINS"]
    options = get_cors_options(
        app,
        {
            "origins": [origin.strip() for origin in origins.split(",")]
            if isinstance(origins, str)
            else origins,
            "methods": ["GET", "POST", "PUT"],
            "allow_headers": ["Authorization", "Content-Type", "Prefer"],
            "expose_headers": ["Retry-After"],
            "send_wildcard": True,
            "max_age": 86_400,  # seconds that a browser remembers a preflight
        },
    )

    is_open = origins == "*"

    @app.after_request
    def allow_origin(response: Response) -> Response:
        if not is_open:
            response.vary.add("Origin")
        if "HTTP_ORIGIN" in request.environ:  # for the rest it would be 4% of the time
            set_cors_headers(response, options)
        return response
