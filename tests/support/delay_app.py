"""The application with a route that takes long, as responses on demand will."""

import time

from flask import Blueprint, Flask

from app import create_app
from database.connections import release_connection
from web.auth import authenticate
from web.record import get_record

DELAY_SECONDS = 3
delays = Blueprint("delays", __name__)
delays.before_request(authenticate)


@delays.get("/delay")
def delay() -> dict[str, str]:
    """Respond after a while, in which nothing is held that others need."""
    release_connection()
    time.sleep(DELAY_SECONDS)
    return {"staff": get_record().caller.staff_uid}


def create_delaying_app() -> Flask:
    """Make the application with that route."""
    app = create_app(prepare=False)
    app.register_blueprint(delays)
    return app
