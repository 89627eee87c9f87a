"""The fields of a request, as its schemas load them, and what of it had no effect."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask import Response, after_this_request, current_app, request
from marshmallow import ValidationError
from werkzeug.http import parse_list_header

from followups import Fields
from schemas import Explain, RequestSchema
from web.request_body import read_object

MOST_IGNORED = 20  # names that are told
LONGEST_NAME = 64  # characters of each that are told
NOT_TOLD = re.compile(r"[^!-+\x2d-~]")  # a comma, a space, and what is not visible ASCII


def load(query: RequestSchema, body: RequestSchema | None = None) -> tuple[Fields, Fields]:
    """Return the fields of the query, and those of the body if the route has one.

    Raises ValidationError for wrong fields. Fields that have no effect are told in `X-Ignored`, and
    are wrong, too, if the request or the settings want `handling=strict`. Raises what `read_object`
    does.
    """
    sent = read_object() if body else {}
    errors: dict[str, Any] = {}
    ignored: dict[str, Explain] = {}
    in_query = _load(query, request.args, errors, ignored) if request.query_string else {}
    in_body = _load(body, sent, errors, ignored) if body else {}
    if ignored:
        ignored = dict(islice(ignored.items(), MOST_IGNORED))
        names = [NOT_TOLD.sub("?", name[:LONGEST_NAME]) or "?" for name in ignored]
        _add_header("X-Ignored", ", ".join(dict.fromkeys(names)))
    if _is_strict():
        for name, explain in ignored.items():
            errors.setdefault(name[:LONGEST_NAME], [explain()])
    if errors:
        raise ValidationError(errors, valid_data=in_body)
    return {**query.defaults, **in_query}, in_body


def read_preferences() -> dict[str, str]:
    """Return what the header `Prefer` asks for (RFC 7240), by name, in lower case."""
    preferences: dict[str, str] = {}
    for preference in parse_list_header(request.headers.get("Prefer", "")):
        name, _, value = preference.partition(";")[0].partition("=")
        preferences.setdefault(name.strip().lower(), value.strip(' "').lower())
    return preferences


def _add_header(name: str, value: str) -> None:
    """Add a header to the response of this request, whatever that will be."""

    @after_this_request
    def add(response: Response) -> Response:
        response.headers[name] = value
        return response


def _load(
    schema: RequestSchema,
    sent: Mapping[str, Any],
    errors: dict[str, Any],
    ignored: dict[str, Explain],
) -> Fields:
    """Return the fields that are right; note errors, and names that have no effect."""
    try:
        loaded: Fields = schema.load(sent)
    except ValidationError as error:
        errors |= error.messages_dict
        loaded = error.valid_data if isinstance(error.valid_data, dict) else {}
    for name, explain in schema.find_ignored(sent, loaded):
        ignored.setdefault(name, explain)
    return loaded


def _is_strict() -> bool:
    """Say whether fields that have no effect are wrong; remember it if the request asked."""
    handling = read_preferences().get("handling") if "HTTP_PREFER" in request.environ else None
    if handling == "strict":
        _add_header("Preference-Applied", "handling=strict")
    return handling == "strict" or (current_app.config["STRICT"] and handling != "lenient")
