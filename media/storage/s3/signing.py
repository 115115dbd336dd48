"""Signed URLs with their checksums and headers.

How long the URL of an upload is valid is `url_lifetime` (media/rules/limits.py).
"""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from media.storage.s3.connection import S3Connection

MAX_LIFETIME: Final = timedelta(days=7)  # the maximum of SigV4
CHECKSUM_HEADER: Final = "x-amz-checksum-sha256"


class UrlSigner:
    """Signs URLs of one bucket for the public endpoint."""

    def __init__(self, connection: S3Connection, bucket: str) -> None:
        self._signer = connection.signer(connection.public_endpoint_url)
        self._bucket = bucket

    def sign(
        self,
        method: str,
        key: str,
        *,
        lifetime: timedelta,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL for one method on one key; every given header must be sent unchanged."""
        return self._signer.signed_url(
            method,
            f"/{self._bucket}/{key}",
            seconds=lifetime_seconds(lifetime),
            headers=headers or {},
            params=params or {},
        )


def lifetime_seconds(lifetime: timedelta) -> int:
    """Return a valid lifetime in whole seconds."""
    if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
        message = f"The lifetime of a signed URL is 1 second to 7 days, not {lifetime}."
        raise ValueError(message)
    return int(lifetime.total_seconds())


def checksum_of(sha256: str) -> str:
    """Return a hex SHA-256 the way S3 writes it, in base64."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def sha256_of(checksum: str | None) -> str | None:
    """Return the hex SHA-256 of a whole object; None for a missing or a composite checksum."""
    if not checksum or "-" in checksum:
        return None
    return base64.b64decode(checksum).hex()


def put_headers(*, content_type: str, sha256: str | None, write_once: bool) -> dict[str, str]:
    """Return the headers a client must send with its PUT, the same in every store."""
    headers = {"Content-Type": content_type}
    if sha256 is not None:
        headers[CHECKSUM_HEADER] = checksum_of(sha256)
    if write_once:
        headers["If-None-Match"] = "*"
    return headers
