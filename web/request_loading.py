"""The fields of a request, as its schemas load them, and the fields without an effect."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from field_types.request_fields import Explain, RequestSchema
from field_types.texts import flatten_errors
from followups import Fields
from web.record import RequestRecord

MAX_IGNORED = 20  # names in X-Ignored
MAX_NAME = 64  # characters of each
NO_QUERY = RequestSchema()  # of a route that takes no parameters
NOT_PRINTABLE = re.compile(r"[^!-+\x2d-~]")  # a comma, a space, and what is not visible ASCII


def load_request(
    record: RequestRecord,
    query: RequestSchema,
    body: RequestSchema | None,
    sent: Fields,
) -> None:
    """Load the query and the body that was sent into the record of a request.

    A body without a schema stays as it was sent. `X-Ignored` names the fields without an effect,
    which are errors with `handling=strict`. Raises ValidationError for wrong fields, with the right
    ones as its `valid_data`.
    """
    errors: dict[str, list[str]] = {}
    ignored: dict[str, Explain] = {}
    has_query = bool(record.environ.get("QUERY_STRING"))
    record.query = (
        _load(query, record.request.args, errors, ignored) if has_query else dict(query.defaults)
    )
    record.body = _load(body, sent, errors, ignored) if body else sent
    if ignored:
        names = [NOT_PRINTABLE.sub("?", name[:MAX_NAME]) or "?" for name in ignored]
        record.ignored = list(dict.fromkeys(names))
    handling = record.preferences.get("handling")
    if handling == "strict":
        record.apply_preference("handling=strict")
    if handling == "strict" or (record.config["STRICT"] and handling != "lenient"):
        for name, explain in ignored.items():
            errors.setdefault(name[:MAX_NAME], []).append(explain())
    if errors:
        raise ValidationError(errors, valid_data=record.body)


def _load(
    schema: RequestSchema,
    sent: Mapping[str, Any],
    errors: dict[str, list[str]],
    ignored: dict[str, Explain],
) -> Fields:
    """Return the fields that are right; collect errors, and names without an effect."""
    try:
        loaded: Fields = schema.load(sent)
    except ValidationError as error:
        errors |= flatten_errors(error)
        loaded = error.valid_data if isinstance(error.valid_data, dict) else {}
    for _, name, explain in schema.find_ignored(sent, loaded):
        if len(ignored) == MAX_IGNORED:
            break
        ignored.setdefault(name, explain)
    return loaded
