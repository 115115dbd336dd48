"""How the served OpenAPI document is made: our error shapes, our ids, one spelling a route."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from sartiq.core.issue_codes import CODES
from sartiq.core.query import NoQuery, query_serializer_of
from sartiq.core.schema_conditions import describe_conditions, describe_repetition

ERROR = {
    "type": "object",
    "title": "Error",
    "required": ["detail"],
    "properties": {"detail": {"type": "string", "title": "Detail"}},
}
VALIDATION_ERROR = {
    "type": "object",
    "title": "ValidationError",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {
            "type": "array",
            "title": "Location",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "msg": {"type": "string", "title": "Message"},
        "type": {"type": "string", "title": "Error Type", "enum": sorted(CODES)},
        "input": {"title": "Input"},
        "ctx": {"type": "object", "title": "Context"},
    },
}
ERROR_ANSWER = {"$ref": "#/components/schemas/Error"}
HTTP_VALIDATION_ERROR = {
    "type": "object",
    "title": "HTTPValidationError",
    "properties": {
        "detail": {
            "type": "array",
            "title": "Detail",
            "items": {"$ref": "#/components/schemas/ValidationError"},
        }
    },
}
NULL = {"$ref": "#/components/schemas/NullEnum"}
_ADDRESS = {"type": "string", "format": "uri-reference"}
_SECONDS = {"type": "integer", "minimum": 1}
Header = tuple[str, dict[str, Any], str]
RETRY: Header = ("Retry-After", _SECONDS, "Seconds to wait")
CHALLENGE: Header = ("WWW-Authenticate", {"type": "string"}, "Always `Bearer`")
HEADERS: dict[str, Header] = {
    "201": ("Location", _ADDRESS, "Where what was created is read"),
    "302": ("Location", _ADDRESS, "Where to go on"),
    "401": CHALLENGE,
    "429": RETRY,
    "503": RETRY,
}
# Name of the shared answer, and what it says.
REFUSALS: dict[str, tuple[str, str]] = {
    "401": ("NotAuthenticated", "Not authenticated"),
    "403": ("NotPermitted", "Not enough permissions"),
    "404": ("NotFound", "Not found, or not visible to the caller"),
    "409": ("Conflict", "Conflict with the current state"),
    "412": ("PreconditionFailed", "The resource is not what the condition requires"),
    "413": ("RequestTooLarge", "Request body too large"),
    "415": ("UnsupportedType", "Unsupported media type"),
    "422": ("Invalid", "Validation error"),
    "429": ("TooManyRequests", "Too many requests"),
    "503": ("Unavailable", "A dependency is unavailable; retry later"),
}


class SartiqAutoSchema(AutoSchema):
    """Adds to every operation the refusals it may answer, and names shapes plainly."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        """Return the operation with the shared refusals filled in."""
        operation: dict[str, Any] | None = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is not None:
            answers = operation["responses"]
            for status in _expected(operation):
                shared = {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}
                answers.setdefault(status, shared)
            describe_repetition(operation)
            if _is_secured(operation):
                describe_conditions(operation, method)
            _add_headers(answers)
            operation["responses"] = dict(sorted(answers.items()))
        return operation

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters the handler declares."""
        declared = query_serializer_of(self.view, self.method)
        return [] if declared is NoQuery else [declared]

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        """Return the shape's name without the `In` or `Out` that tells the classes apart."""
        name = type(serializer).__name__
        return name.removesuffix("Out" if direction == "response" else "In")

    def _get_serializer_name(
        self, serializer: Any, direction: str, *args: Any, **kwargs: Any
    ) -> str:
        """Return the name the serializer gives itself, whichever way it goes, else the usual."""
        given: str | None = getattr(serializer, "schema_name", None)
        if given is not None:
            return given
        name: str = super()._get_serializer_name(serializer, direction, *args, **kwargs)
        return name

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        """Say of a model's answer what is true: every field of it is always there."""
        shape = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # untyped library
        if direction == "response" and isinstance(serializer, serializers.ModelSerializer):
            shape["required"] = sorted(shape["properties"])
        return shape


def _is_secured(operation: dict[str, Any]) -> bool:
    return bool(operation.get("security")) and {} not in operation["security"]


def _expected(operation: dict[str, Any]) -> list[str]:
    secured = _is_secured(operation)
    parameters = operation.get("parameters", [])
    names_something = any(
        each["in"] == "path" or each["name"] == "organization_id" for each in parameters
    )
    expected = ["422", "503"]
    if secured:
        expected += ["401", "403"]
    if "requestBody" in operation:
        expected += ["413", "415", "429"] + (["404", "409"] if secured else [])
    return expected + (["404"] if names_something else [])


def _add_headers(answers: dict[str, Any]) -> None:
    for status, (name, schema, description) in HEADERS.items():
        if status in answers and "$ref" not in answers[status]:
            header = {"schema": schema, "description": description, "required": True}
            answers[status].setdefault("headers", {}).setdefault(name, header)


def _shared_answers() -> dict[str, Any]:
    answers = {status: _answer(status, text) for status, (_, text) in REFUSALS.items()}
    _add_headers(answers)
    return {REFUSALS[status][0]: answer for status, answer in answers.items()}


def _answer(status: str, description: str) -> dict[str, Any]:
    name = "HTTPValidationError" if status == "422" else "Error"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"description": description, "content": content}


def keep_canonical_paths(endpoints: list[Any]) -> list[Any]:
    """Leave out the root spellings of routes whose canonical place is under /api/v1."""
    return [entry for entry in endpoints if entry[0].startswith(("/api/v1/", "/files/"))]


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared error schemas and answers, and the format of every path id."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = ERROR
    schemas["ValidationError"] = VALIDATION_ERROR
    schemas["HTTPValidationError"] = HTTP_VALIDATION_ERROR
    components["responses"] = _shared_answers()
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _format_id(parameter)
    schemas.pop("NullEnum", None)
    components["schemas"] = {name: _plainly(shape) for name, shape in sorted(schemas.items())}
    return result


def _format_id(parameter: dict[str, Any]) -> None:
    name = parameter["name"]
    if parameter["in"] == "path" and (name == "id" or name.endswith("_id")):
        parameter["schema"] = {"type": "string", "format": "uuid"}


def _plainly(shape: Any) -> Any:
    """Say what may be null, and what has a default, as OpenAPI 3.1 and the specification do."""
    if isinstance(shape, list):
        return [_plainly(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    told = {name: _plainly(value) for name, value in shape.items()}
    if NULL in told.get("oneOf", []):
        kinds = [{"type": "null"} if each == NULL else each for each in told.pop("oneOf")]
        return {"anyOf": kinds, **told}
    if "default" in told and len(told.get("allOf", [])) == 1:
        [only] = told.pop("allOf")
        return {**only, **told}
    return told
