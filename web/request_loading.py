"""Loading the fields of a request, and finding the ignored ones."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from field_types.request_fields import RequestSchema
from field_types.texts import Explain, flatten_errors, quote
from followups import Fields
from web.record import RequestRecord

MAX_IGNORED = 20  # names in X-Ignored
MAX_NAME = 64  # characters of each
MAX_DELAY_MS = 30_000
PREFERENCES = {  # by name: the values, and the rule for them
    "handling": ("strict|lenient", '"strict" or "lenient"'),
    "count": ("exact", '"exact"'),
    "code": ("[45][0-9]{2}", "a status from 400 to 599"),
    "delay": ("[0-2]?[0-9]{1,4}|30000", f"a number of milliseconds from 0 to {MAX_DELAY_MS:,}"),
}
NO_QUERY = RequestSchema()  # of a route that takes no parameters
NOT_PRINTABLE = re.compile(r"[^!-+\x2d-~]")  # a comma, a space, or no visible ASCII


def check_preferences(record: RequestRecord, *, is_admin: bool, has_pages: bool) -> None:
    """Raise ValidationError for invalid values of the preferences that apply to a route."""
    unused = {"code": is_admin, "delay": is_admin, "count": not has_pages}
    wrong = [
        f'"{name}" must be {rule}, not {quote(value)}.'
        for name, value in record.preferences.items()
        for values, rule in [PREFERENCES.get(name, ("", ""))]
        if rule and not unused.get(name) and not re.fullmatch(values, value)
    ]
    if wrong:
        raise ValidationError({"Prefer": wrong})


def load_request(
    record: RequestRecord,
    query: RequestSchema,
    body: RequestSchema | None,
    sent: Fields,
    *,
    is_strict: bool,
) -> None:
    """Load the query and the body of a request into its record; raise ValidationError.

    Ignored fields are errors if the server, the route or the request is strict.
    """
    errors: dict[str, list[str]] = {}
    ignored: dict[str, Explain] = {}
    record.query = dict(query.defaults)
    if record.environ.get("QUERY_STRING"):
        record.query = _load(query, record.request.args, errors, ignored)
    record.body = _load(body, sent, errors, ignored) if body else sent
    if ignored:
        names = [NOT_PRINTABLE.sub("?", name[:MAX_NAME]) or "?" for name in ignored]
        record.ignored = list(dict.fromkeys(names))
    handling = record.preferences.get("handling")
    if handling == "strict":
        record.applied.append("handling=strict")
    if is_strict or handling == "strict" or (record.config["STRICT"] and handling != "lenient"):
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
