"""The OpenAPI document's text on a field, written next to the field."""

from typing import Any


def doc(description: str, *examples: Any, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field: its meaning, an example, and more of its JSON Schema.

    The examples of whole bodies are put together from those of their fields (`api/examples.py`).
    """
    return {"description": description, **({"examples": [*examples]} if examples else {}), **more}
