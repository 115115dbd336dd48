"""Translation of exceptions into HTTP responses."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions as drf
from rest_framework.response import Response

from sartiq.core import errors
from sartiq.core.api.validation import issues_of
from sartiq.core.errors import Issue

log = structlog.get_logger(__name__)

STATUS: dict[type[errors.SartiqError], int] = {
    errors.NotAuthenticatedError: 401,
    errors.NotPermittedError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.GoneError: 410,
    errors.BodyLengthMissingError: 411,
    errors.ResourceChangedError: 412,
    errors.RequestTooLargeError: 413,
    errors.UnsupportedTypeError: 415,
    errors.InvalidError: 422,
    errors.TooManyRequestsError: 429,
    errors.UnavailableError: 503,
}
CHALLENGE = {"WWW-Authenticate": "Bearer"}
MAX_INPUT_LENGTH = 500  # characters of a rejected value that the response repeats


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response to an error (DRF's EXCEPTION_HANDLER); None for an unexpected one."""
    sartiq_error = known_error(error)
    if sartiq_error is None:
        return None
    return Response(
        body_of(sartiq_error), status=status_of(sartiq_error), headers=headers_of(sartiq_error)
    )


def json_error_response(error: Exception) -> JsonResponse:
    """Return the same response outside DRF (in middleware and plain views)."""
    sartiq_error = known_error(error)
    if sartiq_error is None:
        raise error
    return JsonResponse(
        body_of(sartiq_error), status=status_of(sartiq_error), headers=headers_of(sartiq_error)
    )


def status_of(error: errors.SartiqError | drf.APIException) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, drf.APIException):
        return error.status_code
    return next(status for error_type, status in STATUS.items() if isinstance(error, error_type))


def body_of(error: errors.SartiqError | drf.APIException) -> dict[str, Any]:
    """Return the body: one sentence, or for a 422 the list of issues."""
    if isinstance(error, errors.InvalidError):
        return {"detail": [issue_as_json(issue) for issue in error.issues]}
    return {"detail": str(error.detail)}


def headers_of(error: errors.SartiqError | drf.APIException) -> dict[str, str]:
    """Return the headers the status requires."""
    if status_of(error) == 401:  # noqa: PLR2004  the status itself is the meaning
        return dict(CHALLENGE)
    if isinstance(error, errors.RetryLaterError):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}
    return {}


def issue_as_json(issue: Issue) -> dict[str, Any]:
    """Return one issue as a ValidationError of the API."""
    return {
        "loc": list(issue.loc),
        "msg": issue.message,
        "type": issue.code,
        "input": bounded_json(issue.input),
        "ctx": bounded_json(dict(issue.ctx)),
    }


def bounded_json(value: Any, depth: int = 4) -> Any:
    """Return `value` as JSON of limited size and depth, with lone surrogates replaced."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value[:MAX_INPUT_LENGTH].encode("utf-8", "replace").decode()
    if depth and isinstance(value, Mapping):
        pairs = list(value.items())[:20]
        return {bounded_json(str(key), 0): bounded_json(inner, depth - 1) for key, inner in pairs}
    if depth and isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [bounded_json(inner, depth - 1) for inner in list(value)[:20]]
    return "…" if isinstance(value, Mapping | Sequence) else bounded_json(str(value), 0)


def known_error(error: Exception) -> errors.SartiqError | drf.APIException | None:
    """Return the SartiqError for `error` (or DRF's own 405 and 406); None for an unexpected one."""
    if isinstance(error, errors.SartiqError):
        return error
    for exception_types, translate in _TRANSLATIONS:
        if isinstance(error, exception_types):
            return translate(error)
    return error if isinstance(error, drf.APIException) else None


def _invalid(error: Any) -> errors.SartiqError:
    return errors.InvalidValuesError(list(issues_of(error.detail)))


def _unreadable(error: Any) -> errors.SartiqError:
    issue = Issue(loc=("body",), code="json_invalid", message=str(error.detail))
    return errors.InvalidValuesError([issue])


def _malformed(_error: Any) -> errors.SartiqError:
    return errors.InvalidError("The request is malformed.")


def _throttled(error: Any) -> errors.SartiqError:
    return errors.TooManyRequestsError(retry_after=timedelta(seconds=error.wait or 1))


Translate = Callable[[Any], errors.SartiqError]
_TRANSLATIONS: list[tuple[type[Exception] | tuple[type[Exception], ...], Translate]] = [
    (drf.ValidationError, _invalid),
    (drf.ParseError, _unreadable),
    (drf.NotAuthenticated, lambda _: errors.NotAuthenticatedError()),
    (drf.AuthenticationFailed, lambda error: errors.NotAuthenticatedError(str(error.detail))),
    ((drf.PermissionDenied, PermissionDenied), lambda _: errors.NotPermittedError()),
    ((drf.NotFound, Http404), lambda _: errors.NotFoundError()),
    (drf.UnsupportedMediaType, lambda error: errors.UnsupportedTypeError(str(error.detail))),
    (drf.Throttled, _throttled),
    (RequestDataTooBig, lambda _: errors.RequestTooLargeError()),
    ((TooManyFieldsSent, SuspiciousOperation), _malformed),
    ((OperationalError, InterfaceError), lambda _: errors.UnavailableError()),
]


def unknown_host(request: HttpRequest) -> JsonResponse:
    """Return the response to an unknown host name, and log one line without a traceback."""
    log.warning("unknown_host", host=bounded_json(request.META.get("HTTP_HOST", "")))
    return JsonResponse({"detail": "This host name is not allowed."}, status=400)
