"""OpenAPI descriptions of conditional and repeated requests.

See `sartiq.core.http.conditional` and `sartiq.core.http.idempotency`.
"""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from sartiq.core.http.idempotency import LIFETIME

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description=(
        "Repeating the request with the same key within"
        f" {LIFETIME // timedelta(hours=1)} hours returns the same response"
    ),
)
ETAG_LIST = {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": ETAG_LIST,
    "description": "Entity tags of the client's copies; 304 if one is current.",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": ETAG_LIST,
    "description": "Entity tags; 412 unless the resource still has one of them.",
}
ETAG = {"schema": {"type": "string"}, "description": "A strong entity tag of the response"}
NOT_MODIFIED = {"description": "The client's copy is current", "headers": {"ETag": ETAG}}
PRECONDITION_FAILED = {"$ref": "#/components/responses/PreconditionFailed"}
KEY_IN_PROGRESS = {
    "description": (
        "Conflict with the current state, or the first request with this key is still running"
    ),
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    "headers": {
        "Retry-After": {
            "schema": {"type": "integer", "minimum": 1},
            "description": "Seconds to wait if the first request is still running",
        }
    },
}
TAGGED_STATUS = {"GET": "200", "PATCH": "200", "POST": "201"}


def describe_conditions(operation: dict[str, Any], method: str) -> None:
    """Add the entity tag, and the conditional headers of its method, to an authenticated operation.

    Only JSON responses have a tag.
    """
    responses = operation["responses"]
    tagged = responses.get(TAGGED_STATUS.get(method, ""), {})
    has_tag = "application/json" in tagged.get("content", {})
    if has_tag:
        tagged.setdefault("headers", {})["ETag"] = ETAG
    if method == "GET" and has_tag:
        _add_parameter(operation, IF_NONE_MATCH)
        responses["304"] = NOT_MODIFIED
    if method in {"PATCH", "DELETE"} or (method == "GET" and has_tag):
        _add_parameter(operation, IF_MATCH)
        responses["412"] = PRECONDITION_FAILED


def describe_idempotency_key(operation: dict[str, Any]) -> None:
    """Document the 409 of operations that accept an `Idempotency-Key`."""
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    if "Idempotency-Key" in names:
        operation["responses"]["409"] = KEY_IN_PROGRESS


def _add_parameter(operation: dict[str, Any], parameter: dict[str, Any]) -> None:
    parameters = [*operation.get("parameters", []), parameter]
    operation["parameters"] = sorted(parameters, key=lambda parameter: str(parameter["name"]))
