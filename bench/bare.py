"""A minimal Flask app that stores nothing: the baseline."""

from flask import Flask, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.put("/v2/conversations/<uid>")
def echo(uid: str) -> ResponseReturnValue:
    """Return the request's body."""
    return request.get_json()  # type: ignore[no-any-return]


@app.get("/v2/conversations")
@app.get("/v2/conversations/<uid>")
def answer(uid: str = "") -> ResponseReturnValue:
    """Return a small object."""
    return {"uid": uid}
