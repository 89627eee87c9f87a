"""The OpenAPI document, and requests as its examples have them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.test import TestResponse

BODY = "application/json"


class Operation(NamedTuple):
    """A route of the document, with its method and what is said of it."""

    path: str
    method: str
    described: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.described["operationId"])

    @property
    def bodies(self) -> list[Any]:
        """Return the examples of its request's body, or None where it has no body."""
        content = self.described.get("requestBody", {}).get("content", {}).get(BODY)
        return examples_of(content) if content else [None]

    def ask(self, app: Flask, body: Any, token: str = "demo-owner", **more: Any) -> TestResponse:
        """Send what the examples of its parameters are, and a body; `more` changes the request."""
        parameters = [each for each in self.described["parameters"] if "example" in each]
        named: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
        for each in parameters:
            named[each["in"]][each["name"]] = each["example"]
        query = {name: as_text(value) for name, value in named["query"].items()}
        path = named["path"] | more.pop("path", {})
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        query |= more.pop("query", {})
        return app.test_client().open(
            self.path.format(**path),
            method=self.method.upper(),
            query_string=query,
            headers=headers,
            **({"json": body} if body is not None else {}) | more,
        )


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def find_operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, operations in document["paths"].items():
        for method, described in operations.items():
            yield Operation(path, method, described)


def examples_of(content: dict[str, Any]) -> list[Any]:
    """Return the examples of a body, however they are given."""
    if "example" in content:
        return [content["example"]]
    return [each["value"] for each in content["examples"].values()]
