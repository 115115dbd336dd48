"""`/files/{path}`: the same response in the ASGI layer and in Django, and never another host."""

import json
import socket
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from pytest_django import Settings

from devstack.product import Product
from media.api.files import respond
from media.tests.rules.addresses.redirect_payloads import payloads
from media.tests.rules.addresses.url_readers import hosts
from sartiq.core.asgi.application import AsgiApplication
from sartiq.core.asgi.direct import fixed_headers
from sartiq.core.asgi.django_threads import DjangoThreads
from sartiq.core.tests.http import asgi

CDN = "https://cdn.sartiq.test"
PLAIN = "https://pub.r2.test"
StatusHeadersBody = tuple[int, Mapping[str, str], bytes]


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.CDN_URL = CDN
    settings.R2_PUBLIC_URL = PLAIN
    settings.CLOUDFLARE_IMAGE_TRANSFORMATIONS = True


def pass_on(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("299 Handed On", [])
    return [b"on"]


django_app = WSGIHandler()
asgi_app = AsgiApplication(DjangoThreads(django_app, threads=1), direct={"/files/": respond})
asgi_app_with_stub = AsgiApplication(DjangoThreads(pass_on, threads=1), direct={"/files/": respond})


def call(application: Any, target: str, method: str = "GET") -> StatusHeadersBody:
    """Call the handler as a server does: with a percent-decoded path and the raw query."""
    if isinstance(application, AsgiApplication):
        return asgi.ask(application, target, method)
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
    }
    responses: list[Any] = []
    response = application(environ, lambda status, headers, *_: responses.extend((status, headers)))
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    return int(responses[0][:3]), dict(responses[1]), body


@pytest.mark.covers("T25")
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (
            "/files/media/1/file.webp",
            {
                "Location": f"{CDN}/media/1/file.webp",
                "Cache-Control": "public, max-age=86400",
                "Content-Length": "0",
            },
        ),
        (
            "/files/media/1/file.webp?type=avif",
            {
                "Location": f"{CDN}/cdn-cgi/image/format=avif,quality=90/media/1/file.webp",
                "Cache-Control": "public, max-age=86400",
                "Content-Length": "0",
            },
        ),
        (
            "/files/temp/a.pdf?type=webp",
            {"Location": f"{CDN}/temp/a.pdf", "Cache-Control": "no-store", "Content-Length": "0"},
        ),
    ],
)
def test_a_redirect_has_exactly_these_headers(target: str, headers: dict[str, str]) -> None:
    status, response, body = call(asgi_app, target)

    assert (status, body) == (302, b"")
    assert {name: response[name] for name in headers} == headers


@pytest.mark.covers("T23")
@pytest.mark.parametrize("image_type", ["webp", "jpeg", "png", "avif", "gif"])
def test_the_five_types_are_accepted(image_type: str) -> None:
    status, headers, _ = call(asgi_app, f"/files/a.png?type={image_type}")

    assert status == 302
    assert headers["Location"] == f"{CDN}/cdn-cgi/image/format={image_type},quality=90/a.png"


@pytest.mark.covers("T23")
@pytest.mark.parametrize(
    "query",
    [
        "type=",
        "type",
        "type=WEBP",
        "type=jpg",
        "type=svg",
        "type=webp&type=png",
        "type=webp&type=webp",
        "type=webp,png",
        "type=webp%0d%0a",
        "type=webp/../../x",
        "type=" + "w" * 5000,
        "type=%ff",
        "&".join(f"a{n}=1" for n in range(50)),
    ],
)
def test_any_other_type_is_a_422(query: str) -> None:
    status, headers, body = call(asgi_app, f"/files/a.png?{query}")

    assert status == 422
    assert headers["Content-Type"] == "application/json"
    [issue] = json.loads(body)["detail"]
    assert (issue["loc"], issue["type"]) == (["query", "type"], "enum")


def test_an_unknown_parameter_is_ignored() -> None:
    assert call(asgi_app, "/files/a.png?v=2&Type=x")[0] == 302


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_only_get_and_head_are_allowed(method: str) -> None:
    status, headers, body = call(asgi_app, "/files/a.png", method)

    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert json.loads(body) == {"detail": f'Method "{method}" not allowed.'}


def test_head_is_get_without_a_body() -> None:
    assert call(asgi_app, "/files/a.png", "HEAD")[0] == 302
    assert call(asgi_app, "/files/..", "HEAD")[2] == b""


def test_other_requests_go_to_django() -> None:
    assert call(asgi_app_with_stub, "/filesystem")[0] == 299
    assert call(asgi_app_with_stub, "/api/v1/files/a")[0] == 299
    assert call(asgi_app_with_stub, "/files/a")[0] == 302


def test_in_development_the_redirect_goes_to_the_bucket(settings: Settings) -> None:
    settings.CLOUDFLARE_IMAGE_TRANSFORMATIONS = False

    assert call(asgi_app, "/files/a.png?type=webp")[1]["Location"] == f"{PLAIN}/a.png"


@pytest.mark.covers("T21", "T22", "T24")
def test_no_payload_redirects_to_another_host() -> None:
    statuses = set()
    for payload in payloads():
        status, headers, body = call(asgi_app, f"/files/{payload}")
        statuses.add(status)
        if status == 302:
            assert hosts(headers["Location"]) == {"cdn.sartiq.test"}, payload
            assert headers["Location"].isascii()
            assert headers["Location"].isprintable()
        else:
            assert "Location" not in headers
            assert set(json.loads(body)) == {"detail"}

    assert statuses == {302, 404}


@pytest.fixture
def keep_connection(db: None) -> Any:
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@pytest.mark.covers("T21")
def test_django_responds_like_the_asgi_layer(keep_connection: None) -> None:
    for payload in list(payloads())[::5]:
        target = f"/files/{payload}"
        asgi_result, django_result = call(asgi_app, target), call(django_app, target)
        assert django_result[0] == asgi_result[0], payload
        assert django_result[1].get("Location") == asgi_result[1].get("Location"), payload
        assert django_result[1].get("Cache-Control") == asgi_result[1].get("Cache-Control"), payload


@pytest.mark.parametrize("proxied", [{}, {"X-Forwarded-Proto": "https"}])
def test_a_redirect_has_the_headers_of_every_route(
    settings: Settings, proxied: dict[str, str]
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 31_536_000
    application = AsgiApplication(
        DjangoThreads(WSGIHandler(), threads=1), direct={"/files/": respond}
    )
    fixed_headers.cache_clear()
    headers = {"X-Request-ID": "one-request", **proxied}

    redirect = asgi.ask(application, "/files/a.png", headers=headers)[1]
    fixed_headers.cache_clear()
    django_headers = asgi.ask(application, "/files/a.png", "PUT", headers=headers)[1]

    names = {"X-Request-ID", "X-Content-Type-Options", "Referrer-Policy", "Vary"}
    names |= {"X-Frame-Options", "Cross-Origin-Opener-Policy", "Strict-Transport-Security"}
    assert {n: redirect.get(n) for n in names} == {n: django_headers.get(n) for n in names}
    assert redirect["X-Request-ID"] == "one-request"
    assert ("Strict-Transport-Security" in redirect) == bool(proxied)


def test_a_page_of_an_allowed_site_may_read_a_redirect(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.sartiq.test"]

    allowed_response = asgi.ask(
        asgi_app, "/files/a.png", headers={"Origin": "https://app.sartiq.test"}
    )
    other_response = asgi.ask(asgi_app, "/files/a.png", headers={"Origin": "https://evil.test"})

    assert allowed_response[0] == other_response[0] == 302
    assert allowed_response[1]["Access-Control-Allow-Origin"] == "https://app.sartiq.test"
    assert "Retry-After" in allowed_response[1]["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other_response[1]


def test_an_unread_body_closes_the_connection() -> None:
    post_response = asgi.ask(asgi_app, "/files/a.png", "POST", body=b"x")
    get_response = asgi.ask(asgi_app, "/files/a.png", "GET", body=b"x")

    assert (post_response[0], post_response[1]["Connection"]) == (405, "close")
    assert (get_response[0], get_response[1]["Connection"]) == (302, "close")


@pytest.mark.covers("T25")
def test_redirects_use_no_database_and_set_no_cookie(
    keep_connection: None, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(0):
        responses = [
            call(application, "/files/media/1/a.png?type=webp")
            for application in (asgi_app, django_app)
        ]

    for status, headers, _ in responses:
        assert status == 302
        assert "Set-Cookie" not in headers
        assert "cookie" not in headers.get("Vary", "").lower()


def exchange(port: int, target: bytes) -> bytes:
    """Send one raw request and return the whole response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client_socket:
        client_socket.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        received = b""
        while chunk := client_socket.recv(65536):
            received += chunk
    return received


@pytest.mark.covers("T24")
def test_no_line_break_reaches_the_headers_of_a_live_server(
    live_product: Callable[..., Product],
) -> None:
    product = live_product(STORAGE="local")
    for target in (
        b"/files/a%0d%0aSet-Cookie:%20a=b",
        b"/files/a%0aX-Evil:1",
        b"/files/a%0d",
        b"/files/a%250d%250aX-Evil:1",
        b"/files/%E5%98%8A%E5%98%8DX-Evil:1",
        b"/files/a\x0bX-Evil:1",
        b"/files/a?type=webp%0d%0aX-Evil:1",
        b"/files//evil.test/%0d%0aX-Evil:1",
        b"/files/..%2f..%2fetc/passwd",
    ):
        head, _, _ = exchange(product.port, target).partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0].split()[1] in {b"302", b"400", b"404", b"422"}, target
        assert not any(b"\n" in line or b"\r" in line for line in lines)
        assert not any(line.lower().startswith((b"x-evil", b"set-cookie")) for line in lines)
