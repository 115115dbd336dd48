from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import time_machine

from media.storage.s3.connection import S3Connection
from media.storage.s3.signing import checksum_of, sha256_of
from media.storage.s3.store import S3Store

CONNECTION = S3Connection(
    endpoint_url="http://store.internal:8333",
    public_endpoint_url="https://uploads.example.test",
    access_key_id="AKIDEXAMPLE",
    secret_access_key="secret/with+signs",
    region="auto",
)
KEY = "temp/0192f0c0-0000-7000-8000-000000000001_1767323045_shoe.png"
DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store() -> S3Store:
    return S3Store(CONNECTION, "sartiq-media")


def by_boto3(operation: str, **params: Any) -> str:
    client = boto3.client(
        "s3",
        endpoint_url=CONNECTION.public_endpoint_url,
        aws_access_key_id=CONNECTION.access_key_id,
        aws_secret_access_key=CONNECTION.secret_access_key,
        config=CONNECTION.config(),
    )
    try:
        return client.generate_presigned_url(
            operation, Params={"Bucket": "sartiq-media", **params}, ExpiresIn=900
        )
    finally:
        client.close()


@pytest.mark.covers("T12")
@pytest.mark.parametrize(
    ("size", "sha256", "write_once"), list(product([None, 5], [None, DIGEST], [False, True]))
)
@time_machine.travel(NOW, tick=False)
def test_a_signed_put_equals_that_of_boto3(
    store: S3Store, size: int | None, sha256: str | None, *, write_once: bool
) -> None:
    params: dict[str, Any] = {"Key": KEY, "ContentType": "image/png"}
    params |= {} if size is None else {"ContentLength": size}
    params |= {} if sha256 is None else {"ChecksumSHA256": checksum_of(sha256)}
    params |= {"IfNoneMatch": "*"} if write_once else {}

    signed = store.sign_put(
        KEY,
        content_type="image/png",
        size=size,
        sha256=sha256,
        lifetime=timedelta(minutes=15),
        write_once=write_once,
    )

    assert signed.url == by_boto3("put_object", **params)


@pytest.mark.covers("T12")
@pytest.mark.parametrize("key", ["media/a/file.jpg", "images/Red shoe+é&~(1).jpg"])
@time_machine.travel(NOW, tick=False)
def test_a_signed_get_equals_that_of_boto3(store: S3Store, key: str) -> None:
    plain = store.sign_get(key, lifetime=timedelta(minutes=15))
    url = store.sign_get(key, lifetime=timedelta(minutes=15), filename='Été "1".zip')

    disposition = "attachment; filename*=utf-8''%C3%89t%C3%A9%20%221%22.zip"
    assert plain == by_boto3("get_object", Key=key)
    assert url == by_boto3("get_object", Key=key, ResponseContentDisposition=disposition)


@pytest.mark.covers("T12")
@pytest.mark.parametrize(
    ("changes", "signed_headers"),
    [
        ({}, "content-type;host"),
        ({"size": 5}, "content-length;content-type;host"),
        ({"sha256": DIGEST}, "content-type;host;x-amz-checksum-sha256"),
        ({"write_once": True}, "content-type;host;if-none-match"),
        (
            {"size": 5, "sha256": DIGEST, "write_once": True},
            "content-length;content-type;host;if-none-match;x-amz-checksum-sha256",
        ),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_exactly_these_parameters_and_headers_are_signed(
    store: S3Store, changes: dict[str, Any], signed_headers: str
) -> None:
    payload = {"content_type": "image/png", "size": None, "sha256": None, **changes}

    signed = store.sign_put(KEY, lifetime=timedelta(minutes=20), **payload)

    parts = urlsplit(signed.url)
    query = parse_qs(parts.query)
    signature = query.pop("X-Amz-Signature")
    assert (parts.scheme, parts.netloc, parts.path) == (
        "https",
        "uploads.example.test",
        f"/sartiq-media/{KEY}",
    )
    assert query == {
        "X-Amz-Algorithm": ["AWS4-HMAC-SHA256"],
        "X-Amz-Credential": ["AKIDEXAMPLE/20260102/auto/s3/aws4_request"],
        "X-Amz-Date": ["20260102T030405Z"],
        "X-Amz-Expires": ["1200"],
        "X-Amz-SignedHeaders": [signed_headers],
    }
    assert len(signature[0]) == 64
    assert not {name.lower() for name in signed.headers} & {"host", "content-length"}


@pytest.mark.covers("T12")
def test_the_client_is_configured_for_r2() -> None:
    config: Any = CONNECTION.config()

    assert config.signature_version == "s3v4"
    assert config.s3 == {"addressing_style": "path"}
    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"
    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.max_pool_connections == 32


def test_a_checksum_is_converted_between_hex_and_base64() -> None:
    assert checksum_of(DIGEST) == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    assert sha256_of(checksum_of(DIGEST)) == DIGEST
    assert sha256_of(None) is None
    assert sha256_of("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=-3") is None
