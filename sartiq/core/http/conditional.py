"""Conditional requests (RFC 9110, 13): entity tags of responses, and preconditions.

A tag is a hash of the response body, so it changes with everything a client can see, including
data of other rows, such as the status of a product's images.
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from sartiq.core.errors import InvalidValuesError, Issue, ResourceChangedError
from sartiq.core.http.exception_handler import json_error_response
from sartiq.core.preconditions import Precondition, unconditional

CONDITIONS = ("If-Match", "If-None-Match")
SAFE_METHODS = ("GET", "HEAD")
# These responses represent the resource itself.
TAGGED = {("GET", 200), ("HEAD", 200), ("PATCH", 200), ("POST", 201)}
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_PRECONDITION_FAILED = 412


def require_well_formed(request: Request) -> None:
    """Reject malformed conditions instead of ignoring them, which would let a write happen."""
    is_safe = request.method in SAFE_METHODS
    for name in CONDITIONS[:1] if is_safe else CONDITIONS:
        value = request.headers.get(name)
        if value is not None and not _TAGS.fullmatch(value.strip()):
            message = 'Send * or entity tags in double quotes, such as "1f0c".'
            issue = Issue(loc=("header", name), code="value_error", message=message, input=value)
            raise InvalidValuesError([issue])


def precondition(request: Request, represent: Callable[[Any], Any]) -> Precondition:
    """Return the check that a row still meets the request's conditions.

    `represent` returns the body of a GET response for the row.
    """
    if not any(name in request.headers for name in CONDITIONS):
        return unconditional
    return partial(_require_current, _raw_request(request), represent)


def _require_current(request: HttpRequest, represent: Callable[[Any], Any], row: Any) -> None:
    etag = etag_of(JSONRenderer().render(represent(row)))
    if get_conditional_response(request, etag=etag) is not None:
        raise ResourceChangedError


def etag_of(body: bytes) -> str:
    """Return the strong entity tag of a response body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tag(request: Request, response: Any) -> None:
    """Add the entity tag once the response is rendered, and apply the request's conditions."""
    is_tagged = (request.method, response.status_code) in TAGGED
    if isinstance(response, Response) and is_tagged and "ETag" not in response:
        response.add_post_render_callback(partial(_tagged, request))


def _tagged(request: Request, response: Response) -> HttpResponse:
    etag = response["ETag"] = etag_of(response.content)
    if request.method not in SAFE_METHODS:
        return response
    conditional = get_conditional_response(_raw_request(request), etag=etag, response=response)
    if conditional is not None and conditional.status_code == _PRECONDITION_FAILED:
        return json_error_response(ResourceChangedError())
    return conditional or response


def forbid_shared_caching(response: HttpResponse) -> None:
    """Mark a response as private and to be revalidated."""
    patch_vary_headers(response, ["Authorization"])
    response.headers.setdefault("Cache-Control", "private, no-cache")


def _raw_request(request: Request) -> HttpRequest:
    """Return the raw request without `If-Unmodified-Since`.

    Responses have no modification date, so RFC 9110 (13.1.4) requires ignoring this condition;
    Django would treat it as not met.
    """
    django_request: HttpRequest = request._request  # noqa: SLF001  DRF has no public access
    django_request.META.pop("HTTP_IF_UNMODIFIED_SINCE", None)
    return django_request
