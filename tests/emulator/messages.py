"""Requests, answers and errors as the emulated services see them.

The error shape is Azure Resource Manager's (resource provider contract, "Error response content"):
{"error": {"code", "message", "details"}}.
"""

import json
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: object
    body: bytes
    origin: str
    call: dict = field(default_factory=dict)
    longop: dict = None

    def json(self):
        """The body as a JSON object, or the error ARM gives for anything else."""
        if not self.headers.get("Content-Type", "").lower().startswith("application/json"):
            raise ArmError(415, "UnsupportedMediaType",
                           "The content media type is not supported. Use 'application/json'.")
        try:
            value = self.json_value()
        except ValueError as error:
            raise ArmError(400, "InvalidRequestContent", "The request content was invalid and "
                           f"could not be deserialized: '{error}'.") from None
        if not isinstance(value, dict):
            raise ArmError(400, "InvalidRequestContent",
                           "The request content was invalid: a JSON object is required.")
        return value

    def json_value(self):
        return json.loads(self.body or b"{}")


@dataclass
class Answer:
    status: int
    body: object = None
    headers: dict = field(default_factory=dict)

    def encoded(self):
        """(bytes, content type) as they go on the wire."""
        if self.body is None:
            return b"", None
        if isinstance(self.body, str):
            return self.body.encode(), "text/plain; charset=utf-8"
        return json.dumps(self.body).encode(), "application/json; charset=utf-8"


class Refusal(Exception):
    """Ends the handling of a request with the given answer."""

    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.answer = Answer(status, body, headers or {})


class ArmError(Refusal):
    def __init__(self, status, code, message, details=(), headers=None):
        super().__init__(status, arm_error(code, message, details), headers)


def arm_error(code, message, details=()):
    error = {"code": code, "message": message}
    if details:
        error["details"] = list(details)
    return {"error": error}
