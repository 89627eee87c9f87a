"""The examples of whole bodies, put together from those of their fields."""

from typing import Any

Json = dict[str, Any]


def example_of(schema: Json, schemas: dict[str, Json]) -> Any:
    """Return an example of a JSON Schema that refers to others by their names.

    It leaves out the fields that no response shows.
    """
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "$ref" in schema:
        named = schemas[schema["$ref"].rpartition("/")[2]]
        return example_of(named, schemas)
    if "anyOf" in schema:  # it may be null, too
        return example_of(schema["anyOf"][0], schemas)
    if schema["type"] == "array":
        return [example_of(schema["items"], schemas)]
    return {
        name: example_of(field, schemas)
        for name, field in schema["properties"].items()
        if not field.get("writeOnly")
    }


def add_examples(document: Json) -> None:
    """Add an example to each body of a document that has none yet, and to each parameter."""
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if "schema" in parameter and "examples" in parameter["schema"]:
                    parameter["example"] = parameter["schema"].pop("examples")[0]
            for body in (operation.get("requestBody", {}), *operation["responses"].values()):
                _add_example(body, schemas)


def _add_example(body: Json, schemas: dict[str, Json]) -> None:
    """Add an example to a body that has none; one of each kind where there are several."""
    if "content" not in body:
        return
    content = body["content"]["application/json"]
    if content.keys() & {"example", "examples"}:
        return
    schema = content["schema"]
    named = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    if "discriminator" in named:
        content["examples"] = {
            value: {"value": example_of({"$ref": reference}, schemas)}
            for value, reference in named["discriminator"]["mapping"].items()
        }
    else:
        content["example"] = example_of(schema, schemas)
