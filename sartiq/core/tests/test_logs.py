import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from sartiq.core.http.middleware import VALID_ID
from sartiq.core.logs import HIDDEN, configure, hidden

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.covers("T09")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "PUT /b/temp/a?X-Amz-Date=1&X-Amz-Signature=0a1b&x=1",
            f"PUT /b/temp/a?X-Amz-Date=1&X-Amz-Signature={HIDDEN}&x=1",
        ),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {HIDDEN}"),
        (f"refused {JWT} today", f"refused {HIDDEN} today"),
        ("/api/v1/uploads/local/abc:def:ghi gone", f"/api/v1/uploads/local/{HIDDEN} gone"),
        ("password=hunter2&a=b", f"password={HIDDEN}&a=b"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_are_hidden_anywhere_in_a_text(text: str, expected: str) -> None:
    assert hidden(text) == expected


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    before = structlog.get_config()
    configure("INFO")
    structlog.configure(cache_logger_on_first_use=False)
    yield output
    structlog.configure(**before)  # loggers that were used before keep these processors


def _last(lines: io.StringIO) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return event


@pytest.mark.covers("T09")
def test_values_under_secret_names_are_hidden(lines: io.StringIO) -> None:
    structlog.get_logger("test").info("made", access_token="x", path="a?token=1", count=2)

    event = _last(lines)
    assert (event["access_token"], event["path"], event["count"]) == (
        HIDDEN,
        f"a?token={HIDDEN}",
        2,
    )


@pytest.mark.covers("T09")
@pytest.mark.django_db
def test_a_request_is_logged_by_its_route_never_by_its_path(client: Client) -> None:
    with capture_logs(processors=[merge_contextvars]) as events:
        response = client.put(
            "/api/v1/uploads/local/secret-token", headers={"X-Request-ID": "abc-1"}
        )

    [event] = [event for event in events if event["event"] == "request"]
    assert response.headers["X-Request-ID"] == event["request_id"] == "abc-1"
    assert (event["method"], event["status"]) == ("PUT", response.status_code)
    assert event["route"] == "api/v1/uploads/local/<str:token>"
    assert "secret-token" not in str(events)


@pytest.mark.covers("T24")
@pytest.mark.django_db
def test_an_invalid_request_id_is_replaced(client: Client) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": "a b\tc"})

    assert response.headers["X-Request-ID"] != "a b\tc"
    assert VALID_ID.fullmatch(response.headers["X-Request-ID"])
