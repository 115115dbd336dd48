"""Requests that no view sees: for an unknown host, or with a compressed body."""

import logging

import pytest
from django.test import Client
from structlog.testing import CapturedCall, CapturingLogger

from sartiq.core.http import exception_handler

PATHS = ("/api/v1/products/", "/health/ready", "/files/a.png", "/admin/login/")


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_host_is_a_400_and_one_warning(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    logger = CapturingLogger()
    monkeypatch.setattr(exception_handler, "log", logger)

    response = client.get(path, headers={"Host": "evil.test"})

    assert response.status_code == 400
    assert response.json() == {"detail": "This host name is not allowed."}
    assert logger.calls == [CapturedCall("warning", ("unknown_host",), {"host": "evil.test"})]


def test_django_logs_no_traceback_of_an_unknown_host() -> None:
    django_logger = logging.getLogger("django.security.DisallowedHost")

    assert not django_logger.propagate
    assert logging.NullHandler in {
        type(handler) for handler in django_logger.handlers
    }  # in addition to pytest's own


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x", ""])
def test_a_compressed_body_is_a_415(client: Client, coding: str) -> None:
    response = client.post(
        "/api/v1/login/access-token", {"a": "b"}, headers={"Content-Encoding": coding}
    )

    assert response.status_code == 415
    assert set(response.json()) == {"detail"}


def test_content_encoding_identity_is_accepted(client: Client) -> None:
    response = client.put("/files/a.png", headers={"Content-Encoding": "Identity"})

    assert response.status_code == 405
