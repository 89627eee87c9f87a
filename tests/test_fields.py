"""The types of fields: rows without a column, and how messages quote wrong values."""

import pytest
from flask import Flask
from marshmallow import fields, missing

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


def find_schemas(schema: type[ResponseSchema] = ResponseSchema) -> list[type[ResponseSchema]]:
    return [schema, *(each for below in schema.__subclasses__() for each in find_schemas(below))]


@pytest.mark.parametrize("schema", find_schemas(), ids=lambda schema: schema.__name__)
def test_a_response_has_no_option_that_its_dump_ignores(
    app: Flask, schema: type[ResponseSchema]
) -> None:
    for field in schema().fields.values():
        is_constant = isinstance(field, fields.Constant)  # whose value is its default
        assert field.data_key is None and (is_constant or field.dump_default is missing), field
        assert not isinstance(field, fields.Function | fields.Method | fields.AwareDateTime), field
        if isinstance(field, fields.DateTime):
            assert hasattr(field, "serialize_value"), field


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
