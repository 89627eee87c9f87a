"""The application with a route that takes long, as responses on demand will."""

import time

from flask import Blueprint, Flask

from app import create_app
from database.connections import give_connection_back
from web.auth import require_token
from web.record import get_record

DELAY_SECONDS = 3
delays = Blueprint("delays", __name__)
require_token(delays)


@delays.get("/delay")
def delay() -> dict[str, str]:
    """Respond after a while, in which nothing is held that others need."""
    give_connection_back()
    time.sleep(DELAY_SECONDS)
    return {"staff": get_record().caller.staff_uid}


def create_delaying_app() -> Flask:
    """Make the application with that route."""
    app = create_app(prepare=False)
    app.register_blueprint(delays)
    return app
