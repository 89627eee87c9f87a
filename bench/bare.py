"""A Flask that stores nothing: what every response costs at least."""

from flask import Flask, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.put("/v2/conversations/<uid>")
def echo(uid: str) -> ResponseReturnValue:
    """Answer with the body."""
    return request.get_json()  # type: ignore[no-any-return]


@app.get("/v2/conversations")
@app.get("/v2/conversations/<uid>")
def answer(uid: str = "") -> ResponseReturnValue:
    """Answer with next to nothing."""
    return {"uid": uid}
