"""The local store: its files, and the routes that serve them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from pytest_django import Settings

from media.errors import ObjectNotFoundError
from media.storage import ObjectHeaders, factory
from media.storage.local.store import LocalStore
from media.tests.storage.client import send

PNG = ObjectHeaders(content_type="image/png")
KEY = f"media/{uuid4()}/file.png"
BODY = b"0123456789"


def url_of(store_url: str, key: str) -> str:
    return f"{store_url}/local-store/{key}"


@pytest.fixture
def object_url(local_server: str, local_store: LocalStore) -> str:
    local_store.put(
        KEY,
        BODY,
        headers=ObjectHeaders(
            content_type="image/png",
            cache_control="public, max-age=31536000, immutable",
            content_disposition="attachment",
        ),
    )
    return url_of(local_server, KEY)


@pytest.mark.covers("T01", "T13")
def test_an_object_is_served_with_its_headers(object_url: str, local_store: LocalStore) -> None:
    status, headers, body = send("GET", object_url)

    head = local_store.head(KEY)
    assert (status, body) == (200, BODY)
    assert headers["content-type"] == "image/png"
    assert headers["content-length"] == "10"
    assert headers["etag"] == f'"{head.etag}"'
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-disposition"] == "attachment"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["accept-ranges"] == "bytes"
    assert "set-cookie" not in headers
    assert headers["last-modified"].endswith("GMT")


def test_head_has_the_headers_of_get_without_a_body(object_url: str) -> None:
    _, get_headers, _ = send("GET", object_url)
    status, head_headers, body = send("HEAD", object_url)

    changing = {"date", "connection"}
    assert (status, body) == (200, b"")
    assert {k: v for k, v in head_headers.items() if k not in changing} == {
        k: v for k, v in get_headers.items() if k not in changing
    }


@pytest.mark.covers("T13")
def test_a_temp_object_is_not_cached(local_server: str, local_store: LocalStore) -> None:
    local_store.put("temp/a.png", BODY, headers=PNG)

    _, headers, _ = send("GET", url_of(local_server, "temp/a.png"))

    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("requested", "status", "content_range", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=4-", 206, "bytes 4-9/10", b"456789"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=-99", 206, "bytes 0-9/10", BODY),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=5-4", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=0-1,3-4", 200, None, BODY),
        ("bytes=-", 200, None, BODY),
        ("bytes=a-b", 200, None, BODY),
        ("lines=1-2", 200, None, BODY),
        ("bytes=" + "9" * 5000 + "-", 200, None, BODY),
    ],
)
def test_one_range_is_served(
    object_url: str, requested: str, status: int, content_range: str | None, body: bytes
) -> None:
    response = send("GET", object_url, headers={"Range": requested})

    assert response[0] == status
    assert response[1].get("content-range") == content_range
    assert response[2] == body


def test_if_range_with_an_old_etag_returns_the_whole_object(object_url: str) -> None:
    status, _, body = send("GET", object_url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})

    assert (status, body) == (200, BODY)


def test_a_matching_etag_is_a_304(object_url: str) -> None:
    _, headers, _ = send("GET", object_url)

    etag_response = send("GET", object_url, headers={"If-None-Match": headers["etag"]})
    date_response = send("GET", object_url, headers={"If-Modified-Since": headers["last-modified"]})

    assert (etag_response[0], etag_response[2]) == (304, b"")
    assert (date_response[0], date_response[2]) == (304, b"")


@pytest.mark.covers("T26")
@pytest.mark.parametrize(
    "path",
    [
        "media/absent/file.png",
        "media/",
        "media",
        "media/%2e%2e/%2e%2e/etc/passwd",
        "media/..%2f..%2fetc%2fpasswd",
        "media/a%00b",
        "images/%5c..%5cx",
    ],
)
def test_a_missing_object_is_a_404_or_refused(local_server: str, path: str) -> None:
    status, _, body = send("GET", url_of(local_server, path))

    assert status in {403, 404}
    assert b"root:" not in body


@pytest.mark.covers("T26")
def test_a_private_object_needs_its_own_signature(local_server: str) -> None:
    private = factory.private_store()
    private.put("loras/a/model.pt", BODY, headers=ObjectHeaders(content_type="x/y"))
    private.put("loras/b/model.pt", b"other", headers=ObjectHeaders(content_type="x/y"))
    signed = private.sign_get("loras/a/model.pt", lifetime=timedelta(minutes=1), filename="ä.pt")
    token = urlsplit(signed).query

    status, headers, body = send("GET", signed)

    assert (status, body) == (200, BODY)
    assert headers["content-disposition"] == "attachment; filename*=utf-8''%C3%A4.pt"
    assert headers["cache-control"] == "no-store"
    urls = [
        url_of(local_server, "loras/a/model.pt"),
        url_of(local_server, f"loras/b/model.pt?{token}"),
        url_of(local_server, "loras/a/model.pt?token=x"),
        signed[:-1],
    ]
    assert [send("GET", url)[0] for url in urls] == [403] * 4


@pytest.mark.covers("T11")
def test_a_signed_get_expires(local_server: str) -> None:
    private = factory.private_store()
    private.put("bulk/a/rows.csv", BODY, headers=ObjectHeaders(content_type="text/csv"))
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2)):
        signed = private.sign_get("bulk/a/rows.csv", lifetime=timedelta(minutes=1))

    assert send("GET", signed)[0] == 403


@pytest.mark.covers("T26")
def test_a_token_is_valid_for_its_bucket_only(local_server: str, local_store: LocalStore) -> None:
    factory.private_store().put("loras/a/m.pt", BODY, headers=PNG)
    signed = local_store.sign_get("loras/a/m.pt", lifetime=timedelta(minutes=1))

    assert send("GET", signed)[0] == 403


@pytest.mark.covers("T02")
def test_an_upload_above_the_limit_is_refused_without_reading_it(
    local_server: str, local_store: LocalStore, temp_key: str
) -> None:
    signed = local_store.sign_put(
        temp_key,
        content_type="image/png",
        size=None,
        sha256=None,
        lifetime=timedelta(minutes=1),
    )
    headers = {"Content-Type": "image/png", "Content-Length": str(50 * 1024 * 1024 + 1)}

    status, _, body = send("PUT", signed.url, b"x" * (50 * 1024 * 1024 + 1), headers)

    assert status == 413
    assert body == b'{"detail": "The file is larger than 50 MiB."}'
    with pytest.raises(ObjectNotFoundError):
        local_store.head(temp_key)


@pytest.mark.parametrize("length", ["-1", "+5", "5.0", "", "٣", "9" * 5000])
def test_an_upload_without_a_length_is_refused(
    local_store: LocalStore, temp_key: str, length: str
) -> None:
    signed = local_store.sign_put(
        temp_key, content_type="image/png", size=None, sha256=None, lifetime=timedelta(minutes=1)
    )
    headers = {"content-type": "image/png", "content-length": length}

    with pytest.raises(Exception, match="Content-Length"):
        local_store.receive(signed.token or "", headers, [b"hello"])


def test_the_routes_do_not_exist_with_another_store(
    local_server: str, settings: Settings, object_url: str
) -> None:
    settings.STORAGE = "s3"

    assert send("GET", object_url)[0] == 404
    assert send("PUT", f"{local_server}/api/v1/uploads/local/x", b"x")[0] == 404
