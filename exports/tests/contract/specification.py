"""The specification's operations and schemas, as data (`export_configuration.json`)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_DOCUMENT: dict[str, Any] = json.loads(
    Path(__file__).with_name("export_configuration.json").read_text(encoding="utf-8")
)
SCHEMAS: dict[str, Any] = _DOCUMENT["components"]["schemas"]


@dataclass(frozen=True)
class Operation:
    """One operation: its success status, and the schemas of its bodies."""

    method: str
    path: str
    title: str
    status: int
    request: Any
    response: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _operation(operation: dict[str, Any]) -> Operation:
    [(status, response)] = [
        (int(status), schema) for status, schema in operation["responses"].items() if status < "300"
    ]
    return Operation(
        method=operation["method"],
        path=operation["path"],
        title=operation["title"],
        status=status,
        request=operation["request"],
        response=response,
    )


OPERATIONS = [_operation(data) for data in _DOCUMENT["operations"]]
ERROR = {"$ref": "#/components/schemas/Error"}
VALIDATION_ERROR = {"$ref": "#/components/schemas/HTTPValidationError"}


def require_valid(body: Any, schema: Any) -> None:
    """Assert that a body is valid by a schema of the specification, including formats."""
    standalone_schema = {**schema, "components": {"schemas": SCHEMAS}}
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(standalone_schema, format_checker=checker).validate(body)
