"""Responses while PostgreSQL is unavailable (F10, F11)."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django import DjangoDbBlocker
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from devstack.process.ports import free_port

Send = Callable[..., Any]


@pytest.fixture
def send_without_database(
    monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Send:
    """Return a function that sends a request from a thread without a database connection."""
    monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
    monkeypatch.setitem(connections.settings["default"], "PORT", str(free_port()))

    def send(path: str, **headers: str) -> Any:
        responses: list[Any] = []

        def run() -> None:
            client = Client(raise_request_exception=False)
            responses.append(client.get(path, headers=headers))
            connections["default"].close()

        with django_db_blocker.unblock():
            thread = Thread(target=run)
            thread.start()
            thread.join(timeout=30)
        return responses[0]

    return send


def test_readiness_fails_and_liveness_succeeds(send_without_database: Send) -> None:
    ready_response = send_without_database("/health/ready")
    live_response = send_without_database("/health/live")

    assert ready_response.status_code == 503
    assert ready_response.headers["Retry-After"] == "5"
    assert ready_response.content == b'{"status": "unavailable", "database": "unavailable"}'
    assert live_response.status_code == 200


@pytest.mark.covers("F11")
def test_a_route_returns_503_in_the_error_format(send_without_database: Send) -> None:
    token = AccessToken.for_user(User(email="a@example.com"))

    response = send_without_database("/api/v1/users/me", Authorization=f"Bearer {token}")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.content == b'{"detail":"Service temporarily unavailable"}'


@pytest.mark.covers("F11", "T25")
def test_redirects_and_the_schema_need_no_database(send_without_database: Send) -> None:
    assert send_without_database("/files/a.png").status_code == 302
    assert send_without_database("/api/v1/openapi.json").status_code == 200


def test_ready_reports_an_available_database(client: Client, db: None) -> None:
    response = client.get("/health/ready")

    assert response.json() == {"status": "ok", "database": "ok"}
    assert "no-store" in response.headers["Cache-Control"]
