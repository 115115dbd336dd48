"""The error responses of operations in the OpenAPI document, and their schemas."""

from typing import Any

from sartiq.core.api.issue_codes import CODES

ERROR = {
    "type": "object",
    "title": "Error",
    "description": "Why a request was rejected.",
    "required": ["detail"],
    "properties": {
        "detail": {"type": "string", "title": "Detail", "description": "A human-readable sentence."}
    },
}
VALIDATION_ERROR = {
    "type": "object",
    "title": "ValidationError",
    "description": "One problem in the request.",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {
            "type": "array",
            "title": "Location",
            "description": "Location of the value: `body`, `path`, `query` or `header`, then names "
            "and indexes.",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "msg": {
            "type": "string",
            "title": "Message",
            "description": "What is wrong and what to send instead.",
        },
        "type": {"$ref": "#/components/schemas/ValidationErrorType"},
        "input": {"title": "Input", "description": "The value that was not accepted."},
        "ctx": {
            "type": "object",
            "title": "Context",
            "description": "Further details, such as the limit that was exceeded.",
        },
    },
}
VALIDATION_ERROR_TYPE = {"type": "string", "enum": sorted(CODES)}
HTTP_VALIDATION_ERROR = {
    "type": "object",
    "title": "HTTPValidationError",
    "description": "Every problem in a request.",
    "properties": {
        "detail": {
            "type": "array",
            "title": "Detail",
            "description": "The problems, in the order of the request.",
            "items": {"$ref": "#/components/schemas/ValidationError"},
        }
    },
}
SCHEMAS = {
    "Error": ERROR,
    "ValidationError": VALIDATION_ERROR,
    "ValidationErrorType": VALIDATION_ERROR_TYPE,
    "HTTPValidationError": HTTP_VALIDATION_ERROR,
}
_URL = {"type": "string", "format": "uri-reference"}
_SECONDS = {"type": "integer", "minimum": 1}
Header = tuple[str, dict[str, Any], str]
RETRY: Header = ("Retry-After", _SECONDS, "Seconds to wait")
CHALLENGE: Header = ("WWW-Authenticate", {"type": "string"}, "Always `Bearer`")
HEADERS: dict[str, Header] = {
    "201": ("Location", _URL, "The URL of the created object"),
    "302": ("Location", _URL, "The URL to continue at"),
    "401": CHALLENGE,
    "429": RETRY,
    "503": RETRY,
}
# Name of the shared response, and its description.
ERRORS: dict[str, tuple[str, str]] = {
    "400": ("BadRequest", "The host name is not allowed, or the request is malformed"),
    "401": ("NotAuthenticated", "Not authenticated"),
    "403": ("NotPermitted", "Not enough permissions"),
    "404": ("NotFound", "Not found, or not visible to the caller"),
    "408": ("RequestTimeout", "The request body did not arrive in time"),
    "409": ("Conflict", "Conflict with the current state"),
    "411": ("LengthRequired", "The request body has no Content-Length"),
    "412": ("PreconditionFailed", "The resource does not meet the condition"),
    "413": ("RequestTooLarge", "Request body too large"),
    "415": ("UnsupportedType", "Unsupported media type or content encoding"),
    "422": ("Invalid", "Validation error"),
    "429": ("TooManyRequests", "Too many requests"),
    "503": ("Unavailable", "A dependency is unavailable; retry later"),
}
ANY_OPERATION = {"400", "411", "415", "422", "503"}
WITH_BODY = {"post", "put", "patch", "delete"}


def is_secured(operation: dict[str, Any]) -> bool:
    """Return whether an operation needs a token."""
    return bool(operation.get("security")) and {} not in operation["security"]


def add_errors(operation: dict[str, Any], method: str) -> None:
    """Add the errors that follow from an operation's method, authentication, parameters and body.

    A view declares 409 itself.
    """
    for status in _expected(operation, method.lower()):
        add(operation["responses"], status)


def add(responses: dict[str, Any], status: str) -> None:
    """Add a shared error response, unless the view describes its own."""
    responses.setdefault(status, {"$ref": f"#/components/responses/{ERRORS[status][0]}"})


def _expected(operation: dict[str, Any], method: str) -> set[str]:
    secured = is_secured(operation)
    expected = set(ANY_OPERATION)
    if secured:
        expected |= {"401", "403"}
    if method in WITH_BODY:
        expected |= {"408"}
    if "requestBody" in operation:
        expected |= {"413"}
    if any(_may_be_missing(parameter) for parameter in operation.get("parameters", [])):
        expected |= {"404"}
    return expected


def _may_be_missing(parameter: dict[str, Any]) -> bool:
    return bool(parameter["in"] == "path" or parameter["name"] == "organization_id")


def add_headers(responses: dict[str, Any]) -> None:
    """Add the headers that are always sent with a status."""
    for status, (name, schema, description) in HEADERS.items():
        if status in responses and "$ref" not in responses[status]:
            header = {"schema": schema, "description": description, "required": True}
            responses[status].setdefault("headers", {}).setdefault(name, header)


def shared_responses() -> dict[str, Any]:
    """Return the responses that operations refer to."""
    responses = {status: _response(status, text) for status, (_, text) in ERRORS.items()}
    add_headers(responses)
    return {ERRORS[status][0]: response for status, response in responses.items()}


def _response(status: str, description: str) -> dict[str, Any]:
    name = "HTTPValidationError" if status == "422" else "Error"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"description": description, "content": content}
