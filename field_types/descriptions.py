"""The OpenAPI document's text on a field, written next to the field."""

from typing import Any


def doc(description: str, *examples: Any, **more: Any) -> dict[str, Any]:
    """Return the option of a field that describes it: its meaning, an example, more JSON Schema.

    The examples of whole bodies are put together from those of their fields (`api/openapi.py`).
    """
    shown = {"examples": [*examples]} if examples else {}
    return {"metadata": {"description": description, **shown, **more}}
