"""Responses on the event loop without Django, with the headers that Django would add."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from sartiq.core.asgi.django_threads import Response
from sartiq.core.http.middleware import request_id

# Called with method, path (decoded once) and query.
DirectHandler = Callable[[str, str, str], Response]
Headers = dict[bytes, bytes]


def can_respond_directly(scope: Any, headers: Headers) -> bool:
    """Return whether Django is not needed, as it is for CORS requests and unknown hosts."""
    return (
        scope["method"] in {"GET", "HEAD"}
        and "\ufffd" not in scope["path"]  # not UTF-8: only Django gets the original bytes
        and b"origin" not in headers
        and b"content-length" not in headers
        and b"transfer-encoding" not in headers
        and _is_known(headers.get(b"host", b""))
    )


def common_headers(scheme: str, headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers of every direct response; Django adds the same to its own."""
    client_id = headers.get(b"x-request-id", b"").decode("latin-1")
    identifier = request_id(client_id).encode()
    origin = headers.get(b"origin", b"").decode("latin-1")
    return [(b"X-Request-ID", identifier), *fixed_headers(_is_secure(scheme, headers), origin)]


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


@lru_cache(maxsize=64)
def fixed_headers(
    is_secure: bool,  # noqa: FBT001  key of a cache
    origin: str = "",
) -> list[tuple[bytes, bytes]]:
    """Return the headers that the middleware adds, by running the middleware itself."""
    request, response = _Request(is_secure=is_secure), HttpResponse()
    if origin:
        request.META["HTTP_ORIGIN"] = origin
    del response.headers["Content-Type"]

    def view(_request: Any) -> HttpResponse:
        return response

    CorsMiddleware(view).add_response_headers(request, response)
    XFrameOptionsMiddleware(view).process_response(request, response)
    SecurityMiddleware(view).process_response(request, response)
    return encoded(response.items())


def encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers in ASGI's format."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class _Request(HttpRequest):
    def __init__(self, *, is_secure: bool) -> None:
        super().__init__()
        self._scheme = "https" if is_secure else "http"

    def is_secure(self) -> bool:
        return self._scheme == "https"
