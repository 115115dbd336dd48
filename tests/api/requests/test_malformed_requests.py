"""Malformed requests over real HTTP get 4xx responses, never a server error."""

import http.client
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest

from devstack.product import Product
from tests.api.requests.malformed import MALFORMED, Malformed
from tests.api.responses import require_error_format, require_no_leak
from tests.api.routes import Route, all_routes

WITH_FORM = {"login-access-token"}
WITHOUT_BODY = {"login-test-token", "upload-lora", "media-resources-heal"}
UNKNOWN_ID = "019ab000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Server:
    """A running product and a superuser's token."""

    host: str
    port: int
    token: str

    def send(
        self, method: str, path: str, malformed: Malformed
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send one request unchanged and return the status, body and headers."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}", **malformed.headers}
        if malformed.content_type is not None:
            headers["Content-Type"] = malformed.content_type
        body: object = malformed.body
        if malformed.chunked:
            body = iter(
                [
                    malformed.body[start : start + 65536]
                    for start in range(0, len(malformed.body), 65536)
                ]
            )
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent
            connection.request(
                method,
                path,
                body=body,  # type: ignore[arg-type]  # bytes or an iterator of them
                headers=headers,
                encode_chunked=malformed.chunked,
            )
        response = connection.getresponse()
        with response:
            content = response.read()
        connection.close()
        response_headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, content, response_headers


@pytest.fixture(scope="module")
def server(live_product: Callable[..., Product]) -> Server:
    product = live_product(STORAGE="local")
    person = product.users["superuser"]
    response = httpx.post(
        f"{product.api}/api/v1/login/access-token",
        data={"username": person.email, "password": person.password},
    )
    return Server("127.0.0.1", product.port, response.json()["access_token"])


def json_routes() -> list[Route]:
    """Return the routes that read a JSON body."""
    return [
        route
        for route in all_routes()
        if route.method in {"POST", "PUT", "PATCH"}
        and route.path.startswith("/api/v1/")
        and route.name not in WITH_FORM | WITHOUT_BODY | {"local-upload"}
    ]


def path_of(route: Route) -> str:
    """Return the route's path with an unknown id."""
    parts = [UNKNOWN_ID if part.startswith("{") else part for part in route.path.split("/")]
    return "/".join(parts)


@pytest.mark.covers("T45", "T51")
@pytest.mark.parametrize("malformed", MALFORMED, ids=str)
def test_a_malformed_request_is_a_client_error(server: Server, malformed: Malformed) -> None:
    for route in json_routes():
        status, body, headers = server.send(route.method, path_of(route), malformed)

        if malformed.harmless and status < 400:
            json.loads(body)
            require_no_leak(body)
        else:
            require_error_format(status, body, headers)


@pytest.mark.parametrize(("path", "size"), [("products/", 300_000), ("bulk-upload/", 3_000_000)])
def test_a_connection_is_usable_after_an_unread_body(server: Server, path: str, size: int) -> None:
    base = f"http://{server.host}:{server.port}/api/v1/"
    early_responses = set()

    with httpx.Client(base_url=base, timeout=20) as client:
        for _ in range(20):
            with suppress(httpx.WriteError, httpx.ReadError):  # refused before it was all sent
                early_response = client.post(
                    path, content=b"x" * size, headers={"Authorization": "Bearer x"}
                )
                early_responses.add(
                    (early_response.status_code, early_response.headers.get("Connection"))
                )
            response = client.get("login/test-token", headers={"Authorization": "Bearer x"})
            assert response.status_code in {401, 405}

    assert early_responses == {(401, "close")}


def test_a_connection_stays_open_if_the_body_was_read(server: Server) -> None:
    base = f"http://{server.host}:{server.port}/api/v1/"

    response = httpx.post(f"{base}login/access-token", data={"username": "a", "password": "b"})

    assert "Connection" not in response.headers
