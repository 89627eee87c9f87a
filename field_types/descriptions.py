"""What the OpenAPI document says of a field, written beside the field."""

from typing import Any


def about(description: str, *examples: Any, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field: what it means, an example, and more of its JSON Schema.

    The examples of whole bodies are put together from those of their fields (`api/examples.py`).
    """
    return {"description": description, **({"examples": [*examples]} if examples else {}), **more}
