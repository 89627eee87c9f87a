"""Someone who calls the server with a token."""

import json
from typing import Any

from flask import Flask


class Caller:
    """Someone who calls the server with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request with a body that is JSON, or with none."""
        return self.client.open(path, method=method, json=body, headers=self.headers | headers)

    def put(self, to: str, body: Any = None, **fields: Any) -> Any:
        """Send fields to a conversation, or another body than an object of fields."""
        return self.send(to, json.dumps(fields if body is None else body).encode())

    def post(self, body: Any = None, **message: Any) -> Any:
        """Send a message, or another body."""
        return self.client.post(
            "/platform/v1/messages",
            headers=self.headers,
            json={"message": message} if body is None else body,
        )

    def send(self, uid: str, data: bytes, content_type: str | None = "application/json") -> Any:
        """Send a body as it is."""
        return self.client.put(
            f"/v2/conversations/{uid}", headers=self.headers, data=data, content_type=content_type
        )
