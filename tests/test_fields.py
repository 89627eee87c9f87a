"""The types of fields: rows without a column, and how messages quote wrong values."""

import pytest
from marshmallow import fields

from field_types.response_fields import ResponseSchema
from support.callers import Caller
from support.constants import UID


def test_a_response_refuses_a_row_without_a_column() -> None:
    class NameSchema(ResponseSchema):
        name = fields.String()
        other_name = fields.String(attribute="name")

    assert NameSchema().dump({"name": "Jane"}) == {"name": "Jane", "other_name": "Jane"}
    with pytest.raises(KeyError):
        NameSchema().dump({})


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (None, "null"),
        ("\x1a", r'"\u001a"'),  # which stands for the value in the texts
        ("{input}", '"{input}"'),
        ("x" * 100, f'"{"x" * 59}…"'),
        ([True], "an array"),
        ({"a": 1}, "an object"),
        (1.5, "1.5"),
    ],
)
def test_a_message_quotes_the_wrong_value(owner: Caller, value: object, quoted: str) -> None:
    [error] = owner.put(UID, {"archived": value}).json["errors"]
    assert error["message"] == f"It must be a boolean (true or false), not {quoted}."


def test_an_unknown_name_is_quoted_as_it_is(owner: Caller) -> None:
    body = {"archived": 5, "\x1a": 1}
    headers = owner.headers | {"Prefer": "handling=strict"}
    path = f"/v2/conversations/{UID}"
    errors = owner.client.put(path, json=body, headers=headers).json["errors"]  # type: ignore[index]
    assert errors[1]["message"] == r'"\u001a" is unknown.'
