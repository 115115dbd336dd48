import random
import re
import time
from collections.abc import Callable
from functools import partial

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from structlog.contextvars import bound_contextvars

from sartiq.core.errors import SartiqError, UnsupportedTypeError
from sartiq.core.events import context
from sartiq.core.events.causes import cause_of_request, user_id_of
from sartiq.core.http.error_pages import error_response, is_staff_page
from sartiq.core.http.exception_handler import json_error_response

log = structlog.get_logger(__name__)

API_PREFIX = "/api/"
VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Handler = Callable[[HttpRequest], HttpResponseBase]


def is_rest(request: HttpRequest) -> bool:
    """Return whether a request is for the REST API rather than for a page."""
    return request.path_info.startswith(API_PREFIX)


class AccessLogMiddleware:
    """Log one line per request: route (not the path, which may contain a token), status and time.

    The request id (the client's `X-Request-ID` if it is valid, otherwise a new one) is added to all
    log events of the request and to the response.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response and log the request."""
        identifier = request_id(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        with bound_contextvars(request_id=identifier):
            token = context.enter(partial(cause_of_request, request, identifier))
            try:
                response = self.get_response(request)
            finally:
                context.leave(token)
            match = request.resolver_match
            log.info(
                "request",
                method=request.method,
                route=match.route if match else None,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
                user_id=_user_id(request),
            )
        response["X-Request-ID"] = identifier
        return response


def request_id(client_id: str) -> str:
    """Return the request id sent by the client if it is valid, otherwise a new one."""
    if client_id and VALID_ID.fullmatch(client_id):
        return client_id
    return f"{random.getrandbits(128):032x}"  # need not be secret; saves a system call


def _user_id(request: HttpRequest) -> str | None:
    user_id = user_id_of(request)
    return str(user_id) if user_id else None


class UncompressedBodyMiddleware:
    """Reject compressed request bodies: the API does not decompress them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return 415 for any `Content-Encoding` other than identity."""
        encodings = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower().split(",")
        if all(encoding.strip() == "identity" for encoding in encodings):
            return self.get_response(request)
        return json_error_response(
            UnsupportedTypeError("Send the body without a Content-Encoding.")
        )


class OptionalSlashMiddleware:
    """Serve every path with and without its trailing slash, without a redirect.

    A redirect would turn a POST into a GET. Only a path without a route is tried again, before any
    view has run, so canonical paths cost nothing.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, trying the other form of the path if no route matched."""
        response = self.get_response(request)
        if response.status_code != 404 or request.resolver_match is not None:  # noqa: PLR2004
            return response
        path = request.path_info
        if path == "/" or path.endswith("//"):
            return response
        request.path_info = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        return self.get_response(request)


class PageErrorMiddleware:
    """Respond to database outages and oversized bodies outside REST views."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response of the next handler."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Translate an outage or an oversized body; other errors become a 500.

        In the admin, errors of services are translated too: there is no REST view to do it.
        """
        handled: tuple[type[Exception], ...] = (OperationalError, InterfaceError, RequestDataTooBig)
        if is_staff_page(request):
            handled = (*handled, SartiqError)
        return error_response(request, exception) if isinstance(exception, handled) else None
