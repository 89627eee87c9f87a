"""The OpenAPI document's text on a field: its own, or that of the column it shows (`models.py`)."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import fields

EXAMPLE_ROW = {
    "now": datetime(2026, 5, 5, 7, 30, tzinfo=UTC),
    "zone": ZoneInfo("Asia/Jerusalem"),
}


def doc(description: str, *examples: Any, **more: Any) -> dict[str, Any]:
    """Return the option of a field that describes it: its meaning, an example, more JSON Schema.

    The examples of whole bodies are put together from those of their fields (`api/openapi.py`).
    """
    shown = {"examples": [*examples]} if examples else {}
    return {"metadata": {"description": description, **shown, **more}}


def describe_by_column(field: fields.Field[Any]) -> dict[str, Any]:
    """Return what a field says that has no text or example of its own.

    They are those of the column that it shows, of one of the `tables` of its schema.
    """
    name = field.attribute or field.name
    for model in getattr(field.parent, "tables", ()):
        column = model.__table__.columns.get(name)
        if column is not None and column.doc:
            described = {"description": column.doc}
            if "examples" not in field.metadata:
                serialize = getattr(field, "serialize_value", lambda example, _row: example)
                described["examples"] = [serialize(column.info["example"], EXAMPLE_ROW)]
            return described
    return {}
