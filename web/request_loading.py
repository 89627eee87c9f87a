"""The fields of a request, as its schemas load them, and what of it had no effect."""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from urllib.request import parse_http_list

from flask import Response, after_this_request, current_app, g, request
from marshmallow import ValidationError

from field_types.error_texts import flatten_errors
from field_types.request_fields import Explain, RequestSchema
from followups import Fields
from web.request_body import read_object

MOST_IGNORED = 20  # names in X-Ignored
LONGEST_NAME = 64  # characters of each
NO_QUERY = RequestSchema()  # of a route that takes no parameters
NOT_PRINTABLE = re.compile(r"[^!-+\x2d-~]")  # a comma, a space, and what is not visible ASCII


def load(
    query: RequestSchema,
    body: RequestSchema | None = None,
    read: Callable[[], dict[str, Any]] = read_object,
) -> tuple[Fields, Fields]:
    """Return the fields of the query, and those of the body, as `read` finds it, if there is one.

    Raises ValidationError for wrong fields. Fields that have no effect are named in `X-Ignored`,
    and are wrong, too, if the request or the settings want `handling=strict`. Raises what
    `read_object` does.
    """
    sent = read() if body else {}
    errors: dict[str, list[str]] = {}
    ignored: dict[str, Explain] = {}
    has_query = bool(request.environ.get("QUERY_STRING"))
    in_query = _load(query, request.args, errors, ignored) if has_query else dict(query.defaults)
    in_body = _load(body, sent, errors, ignored) if body else {}
    if ignored:
        ignored = dict(islice(ignored.items(), MOST_IGNORED))
        names = [NOT_PRINTABLE.sub("?", name[:LONGEST_NAME]) or "?" for name in ignored]
        g.ignored = list(dict.fromkeys(names))
        after_this_request(name_ignored)
    if _is_strict():
        for name, explain in ignored.items():
            errors.setdefault(name[:LONGEST_NAME], []).append(explain())
    if errors:
        raise ValidationError(errors, valid_data=in_body)
    return in_query, in_body


def read_preferences() -> dict[str, str]:
    """Return the preferences of the header `Prefer` (RFC 7240), by name, in lower case."""
    if "sent_preferences" not in g:
        g.sent_preferences = parse_preferences(request.environ.get("HTTP_PREFER", ""))
    sent: dict[str, str] = g.sent_preferences
    return sent


def parse_preferences(header: str) -> dict[str, str]:
    """Return the preferences of a header by name, in lower case, without their parameters.

    The first of a repeated preference counts. Takes time linear in the header's length.
    """
    preferences: dict[str, str] = {}
    for item in parse_http_list(header.lower()):
        name, _, value = item.partition(";")[0].partition("=")
        value = value.strip()
        is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
        preferences.setdefault(name.strip(), value[1:-1] if is_quoted else value)
    return preferences


def note_preference(preference: str) -> None:
    """Say in the response, whatever that will be, that a preference was heeded."""
    if "preferences" not in g:
        g.preferences = []
        after_this_request(name_preferences)
    if preference not in g.preferences:
        g.preferences.append(preference)


def name_preferences(response: Response) -> Response:
    """Add the header that names the preferences that were heeded."""
    response.headers["Preference-Applied"] = ", ".join(g.preferences)
    return response


def name_ignored(response: Response) -> Response:
    """Add the header that names what had no effect."""
    response.headers["X-Ignored"] = ", ".join(g.ignored)
    return response


def _load(
    schema: RequestSchema,
    sent: Mapping[str, Any],
    errors: dict[str, list[str]],
    ignored: dict[str, Explain],
) -> Fields:
    """Return the fields that are right; note errors, and names that have no effect."""
    try:
        loaded: Fields = schema.load(sent)
    except ValidationError as error:
        errors |= flatten_errors(error)
        loaded = error.valid_data if isinstance(error.valid_data, dict) else {}
    for _, name, explain in schema.find_ignored(sent, loaded):
        ignored.setdefault(name, explain)
    return loaded


def _is_strict() -> bool:
    """Say whether fields that have no effect are wrong; remember it if the request asked."""
    if "HTTP_PREFER" not in request.environ:
        return current_app.config["STRICT"] is True
    handling = read_preferences().get("handling")
    if handling == "strict":
        note_preference("handling=strict")
    return handling == "strict" or (current_app.config["STRICT"] and handling != "lenient")
