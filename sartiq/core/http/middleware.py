import random
import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from structlog.contextvars import bound_contextvars

from sartiq.core.errors import SartiqError, UnsupportedTypeError
from sartiq.core.http.error_pages import answer, is_staff_page
from sartiq.core.http.exception_handler import as_json

log = structlog.get_logger(__name__)

API_PREFIX = "/api/"
PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Handler = Callable[[HttpRequest], HttpResponseBase]


def is_rest(request: HttpRequest) -> bool:
    """Tell a REST request from a page's."""
    return request.path_info.startswith(API_PREFIX)


class AccessLogMiddleware:
    """Log one line a request: the route (never the path, which may hold a token), status, time.

    The request's id (the client's `X-Request-ID` when it is a plain one, else a new one) is bound
    to every event of the request and answered.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer and log."""
        identifier = request_id(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        with bound_contextvars(request_id=identifier):
            response = self.get_response(request)
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


def request_id(given: str) -> str:
    """Return the id a client gave its request when it is a plain one, else a new one."""
    if given and PLAIN_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(128):032x}"  # no secret; saves a system call


def _user_id(request: HttpRequest) -> str | None:
    """Return the user of the request, without a query if the view did not load one."""
    user: Any = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    # `isinstance` would have a lazy user loaded, which fails while the database does not answer.
    return str(user.pk) if issubclass(type(user), Model) else None


class PlainBodyMiddleware:
    """Refuse a compressed body: nothing here unpacks one."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 415 for any `Content-Encoding` other than identity."""
        codings = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower().split(",")
        if all(each.strip() == "identity" for each in codings):
            return self.get_response(request)
        return as_json(UnsupportedTypeError("Send the body without a Content-Encoding."))


class EitherSlashMiddleware:
    """Answer a path written with or without its last slash the same, without a redirect.

    A redirect would turn a POST into a GET. Only a path no route knows is tried again, before any
    view has run, so the right spelling costs nothing.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, trying the other spelling when no route matched."""
        response = self.get_response(request)
        if response.status_code != 404 or request.resolver_match is not None:  # noqa: PLR2004
            return response
        path = request.path_info
        if path == "/" or path.endswith("//"):
            return response
        request.path_info = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        return self.get_response(request)


class HonestOutageMiddleware:
    """Answer 503 with Retry-After when the database fails outside a REST view."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Translate an outage or an oversized body; leave every other error a defect.

        On a page of the staff also what a service refuses: there is no REST view to do it.
        """
        handled: tuple[type[Exception], ...] = (OperationalError, InterfaceError, RequestDataTooBig)
        if is_staff_page(request):
            handled = (*handled, SartiqError)
        return answer(request, exception) if isinstance(exception, handled) else None
