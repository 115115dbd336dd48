"""How the served OpenAPI document is made: our error shapes, our ids, one spelling a route."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

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
        "type": {"type": "string", "title": "Error Type"},
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
REASONS = {
    "401": "Not authenticated",
    "403": "Not enough permissions",
    "404": "Not found, or not visible to the caller",
    "409": "Conflict with the current state",
    "413": "Request body too large",
    "415": "Unsupported media type",
    "422": "Validation error",
    "429": "Too many requests",
    "503": "A dependency is unavailable; retry later",
}


class SartiqAutoSchema(AutoSchema):
    """Names operations after their view and adds the errors every operation may answer."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        """Return the operation with the shared error answers filled in."""
        operation: dict[str, Any] | None = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is not None:
            _add_errors(operation, has_body=method in {"POST", "PUT", "PATCH"})
        return operation


def _add_errors(operation: dict[str, Any], *, has_body: bool) -> None:
    expected = ["422", "503"]
    if operation.get("security") != [{}] and operation.get("security"):
        expected += ["401", "403"]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
        expected.append("404")
    if has_body:
        expected += ["404", "409", "413", "415", "429"]
    for status in expected:
        operation["responses"].setdefault(status, _answer(status))


def _answer(status: str) -> dict[str, Any]:
    name = "HTTPValidationError" if status == "422" else "Error"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    answer: dict[str, Any] = {"description": REASONS[status], "content": content}
    if status in {"429", "503"}:
        seconds = {"type": "integer", "minimum": 1}
        answer["headers"] = {"Retry-After": {"schema": seconds, "description": "Seconds"}}
    return answer


def keep_canonical_paths(endpoints: list[Any]) -> list[Any]:
    """Leave out the root spellings of routes whose canonical place is under /api/v1."""
    return [entry for entry in endpoints if entry[0].startswith(("/api/v1/", "/files/"))]


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared error schemas and the format of every path id."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ERROR
    schemas["ValidationError"] = VALIDATION_ERROR
    schemas["HTTPValidationError"] = HTTP_VALIDATION_ERROR
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _format_id(parameter)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _format_id(parameter: dict[str, Any]) -> None:
    name = parameter["name"]
    if parameter["in"] == "path" and (name == "id" or name.endswith("_id")):
        parameter["schema"] = {"type": "string", "format": "uuid"}
