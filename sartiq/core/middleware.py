from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sartiq.core.exception_handler import as_json

Handler = Callable[[HttpRequest], HttpResponseBase]


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
        """Translate an outage or an oversized body; leave every other error a defect."""
        if isinstance(exception, OperationalError | InterfaceError | RequestDataTooBig):
            return as_json(exception)
        return None
