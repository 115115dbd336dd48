"""Responses of the event loop without Django, and the headers Django would add to them."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from sartiq.core.front.django_threads import Answer
from sartiq.core.http.middleware import request_id

Direct = Callable[[str, str, str], Answer]  # of method, path (decoded once) and query
Headers = dict[bytes, bytes]


def answers_directly(scope: Any, headers: Headers) -> bool:
    """Tell a plain request from one for Django: of another site's page, for an unknown host."""
    return (
        scope["method"] in {"GET", "HEAD"}
        and "\ufffd" not in scope["path"]  # bytes that are no UTF-8: only Django sees them
        and b"origin" not in headers
        and b"content-length" not in headers
        and b"transfer-encoding" not in headers
        and _is_known(headers.get(b"host", b""))
    )


def common_headers(scheme: str, headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers every response carries."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    identifier = request_id(given).encode()
    return [(b"X-Request-ID", identifier), *fixed_headers(_is_secure(scheme, headers))]


@lru_cache(maxsize=1024)
def _is_known(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _is_secure(scheme: str, headers: Headers) -> bool:
    proxy = settings.SECURE_PROXY_SSL_HEADER
    if proxy is None:
        return scheme == "https"
    name = proxy[0].removeprefix("HTTP_").replace("_", "-").lower()
    value = headers.get(name.encode(), b"").decode("latin-1").partition(",")[0].strip()
    return bool(value == proxy[1])


@lru_cache(maxsize=2)
def fixed_headers(is_secure: bool) -> list[tuple[bytes, bytes]]:  # noqa: FBT001  key of a cache
    """Return what the middleware itself puts on a response, so that the two cannot differ."""
    request, response = _Request(is_secure=is_secure), HttpResponse()
    del response.headers["Content-Type"]

    def view(_request: Any) -> HttpResponse:
        return response

    CorsMiddleware(view).add_response_headers(request, response)
    XFrameOptionsMiddleware(view).process_response(request, response)
    SecurityMiddleware(view).process_response(request, response)
    return encoded(response.items())


def encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class _Request(HttpRequest):
    def __init__(self, *, is_secure: bool) -> None:
        super().__init__()
        self._scheme = "https" if is_secure else "http"

    def is_secure(self) -> bool:
        return self._scheme == "https"
