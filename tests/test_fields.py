"""The types of response fields: rows without a column, and options that have no effect."""

import pytest
from flask import Flask
from marshmallow import fields, missing

from field_types.response_fields import ResponseSchema


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
