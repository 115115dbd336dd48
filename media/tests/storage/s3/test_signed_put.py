"""What a client can and cannot do with a signed PUT, over HTTP where the store has it."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from media.errors import ObjectNotFoundError
from media.rules.file_types.content_types import FILE_TYPES
from media.storage import ObjectHeaders
from media.tests.storage.client import send
from media.tests.storage.conftest import Backend

BODY = b"a shoe, as bytes"
DIGEST = hashlib.sha256(BODY).hexdigest()
WRONG_CHECKSUM = base64.b64encode(hashlib.sha256(b"other").digest()).decode()


def require_absent(backend: Backend, key: str) -> None:
    with pytest.raises(ObjectNotFoundError):
        backend.store.head(key)


def wrong_types(declared: str) -> list[dict[str, str]]:
    """Twelve ways to send another type than the one declared."""
    other_type = "image/png" if declared != "image/png" else "image/jpeg"
    content_types = [
        *("text/html", "text/html; charset=utf-8", "image/svg+xml", "application/javascript"),
        *("application/octet-stream", "application/x-www-form-urlencoded", other_type),
        *(f"{declared}; charset=utf-8", declared.upper(), f"{declared},text/html", f"x{declared}"),
    ]
    return [{"Content-Type": content_type} for content_type in content_types] + [{}]


@pytest.mark.covers("T01")
@pytest.mark.parametrize("content_type", FILE_TYPES)
def test_no_other_type_than_the_declared_one_is_stored(
    backend: Backend, temp_key: str, content_type: str
) -> None:
    signed = backend.sign(temp_key, content_type=content_type)

    statuses = [backend.client_put(signed, BODY, wrong) for wrong in wrong_types(content_type)]

    assert statuses == [403] * 12
    require_absent(backend, temp_key)


@pytest.mark.covers("T01", "T02")
@pytest.mark.parametrize("content_type", FILE_TYPES)
@pytest.mark.parametrize("size", [None, len(BODY)])
@pytest.mark.parametrize("sha256", [None, DIGEST])
def test_what_was_declared_is_stored_as_declared(
    backend: Backend, temp_key: str, content_type: str, size: int | None, sha256: str | None
) -> None:
    signed = backend.sign(temp_key, content_type=content_type, size=size, sha256=sha256)

    status = backend.client_put(signed, BODY)

    head = backend.store.head(temp_key)
    assert status == 200
    assert (head.size, head.content_type) == (len(BODY), content_type)


@pytest.mark.covers("T02")
@pytest.mark.parametrize("length", [0, 1, len(BODY) - 1, len(BODY) + 1, 10 * len(BODY)])
def test_no_other_length_than_the_declared_one_is_stored(
    backend: Backend, temp_key: str, length: int
) -> None:
    signed = backend.sign(temp_key, size=len(BODY))

    status = backend.client_put(signed, (BODY * 10)[:length])

    assert status == 403
    require_absent(backend, temp_key)


@pytest.mark.covers("T02")
def test_a_chunked_body_is_refused_for_a_declared_length(served: Backend, temp_key: str) -> None:
    signed = served.sign(temp_key, size=len(BODY))

    status = served.client_put(signed, BODY, chunked=True)

    assert 400 <= status < 500
    require_absent(served, temp_key)


def test_without_a_declared_length_any_length_is_stored(backend: Backend, temp_key: str) -> None:
    signed = backend.sign(temp_key)

    assert backend.client_put(signed, BODY) == 200
    assert backend.client_put(signed, BODY + BODY) == 200
    assert backend.store.head(temp_key).size == 2 * len(BODY)


@pytest.mark.covers("T02")
@pytest.mark.parametrize("headers_sent", [WRONG_CHECKSUM, "", "nonsense", None])
def test_a_declared_checksum_must_be_sent(
    backend: Backend, temp_key: str, headers_sent: str | None
) -> None:
    signed = backend.sign(temp_key, sha256=DIGEST)
    headers = {"Content-Type": "image/png"}
    if headers_sent is not None:
        headers["x-amz-checksum-sha256"] = headers_sent

    status = backend.client_put(signed, BODY, headers)

    assert 400 <= status < 500
    require_absent(backend, temp_key)


@pytest.mark.covers("T02")
def test_a_body_corrupted_in_transit_is_refused(backend: Backend, temp_key: str) -> None:
    signed = backend.sign(temp_key, sha256=DIGEST, size=len(BODY))

    status = backend.client_put(signed, BODY.replace(b"shoe", b"shoo"))

    assert status in {400, 403}
    require_absent(backend, temp_key)


@pytest.mark.covers("T11")
def test_an_expired_url_is_refused(backend: Backend, temp_key: str) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=16), tick=True):
        signed = backend.sign(temp_key)

    status = backend.client_put(signed, BODY)

    assert status in {400, 403}
    require_absent(backend, temp_key)


@pytest.mark.covers("T04")
def test_a_write_once_url_writes_once(backend: Backend, temp_key: str) -> None:
    signed = backend.sign(temp_key, write_once=True)

    status_without_header = backend.client_put(signed, b"zero", {"Content-Type": "image/png"})
    first = backend.client_put(signed, b"one")
    second = backend.client_put(signed, b"two")

    assert (status_without_header, first, second) == (403, 200, 412)
    with backend.store.open(temp_key) as reader:
        assert b"".join(reader) == b"one"


@pytest.mark.covers("T04")
def test_an_ordinary_url_can_be_used_again_for_a_retry(backend: Backend, temp_key: str) -> None:
    signed = backend.sign(temp_key, size=len(BODY), sha256=DIGEST)

    assert [backend.client_put(signed, BODY) for _ in range(3)] == [200, 200, 200]


@pytest.mark.covers("T08")
def test_a_url_writes_no_other_key(served: Backend, temp_key: str) -> None:
    signed = served.sign(temp_key)
    name = temp_key.rpartition("/")[2]
    if signed.token is None:
        targets = [
            signed.url.replace(temp_key, other_key)
            for other_key in (f"temp/x{name}", f"media/{name}", f"temp/../media/{name}", "")
        ]
    else:
        body, _, signature = signed.token.rpartition(":")
        other_key = served.sign(temp_key.replace("shoe", "boot")).token or ""
        forged_tokens = [
            f"{other_key.rpartition(':')[0]}:{signature}",
            f"{body}:",
            signed.token[:-1],
            "x",
        ]
        targets = [signed.url.replace(signed.token, token) for token in forged_tokens]

    statuses = {send("PUT", target, BODY, signed.headers)[0] for target in targets}

    assert statuses <= {400, 403, 404}
    require_absent(served, temp_key)


@pytest.mark.covers("T08")
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
def test_a_put_url_allows_no_other_method(served: Backend, temp_key: str, method: str) -> None:
    signed = served.sign(temp_key)
    served.client_put(signed, BODY)

    status, _, body = send(method, signed.url, headers={"Content-Type": "image/png"})

    assert status in {400, 403, 405}
    assert BODY not in body
    assert served.store.head(temp_key).size == len(BODY)


@pytest.mark.covers("T08")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_writing_needs_a_signature(served: Backend, temp_key: str, method: str) -> None:
    head = served.store.put(temp_key, b"kept", headers=ObjectHeaders(content_type="image/png"))
    unsigned_url = served.store.sign_get(temp_key, lifetime=timedelta(minutes=1)).partition("?")[0]

    status, _, _ = send(method, unsigned_url, BODY, {"Content-Type": "image/png"})

    assert status in {403, 405}
    assert served.store.head(temp_key).etag == head.etag


@pytest.mark.covers("T05")
def test_objects_can_be_read_by_key_but_not_listed(served: Backend, temp_key: str) -> None:
    served.client_put(served.sign(temp_key), BODY)
    unsigned_url = served.store.sign_get(temp_key, lifetime=timedelta(minutes=1)).partition("?")[0]

    status, headers, body = send("GET", unsigned_url)

    assert (status, headers["content-type"], body) == (200, "image/png", BODY)
    assert send("GET", unsigned_url.replace(temp_key, ""))[0] in {403, 404}
    # SeaweedFS responds to a folder with an empty 200; what matters is that it lists nothing.
    assert b"shoe" not in send("GET", unsigned_url.replace(temp_key, "temp/"))[2]
