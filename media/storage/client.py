"""The one boto3 client of a process, and the configuration every S3 connection of ours has."""

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class S3Connection:
    """Where an S3-compatible service is and who we are to it.

    `endpoint_url` is for our own calls, `public_endpoint_url` is what clients are sent to.
    """

    endpoint_url: str
    public_endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str
    pool_size: int = 32

    def config(self) -> Config:
        """Return the client configuration, complete: django-storages adds nothing to it.

        Default checksums would sign the CRC32 of an empty body into every upload URL, and without
        `s3v4` boto3 signs with V2 on a custom endpoint, which binds no length.
        """
        return Config(
            region_name=self.region,
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=self.pool_size,
        )


class ClientHolder:
    """Makes the client when first needed, again after a fork, and shares it between threads."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._made: tuple[int, S3Client] | None = None

    def get(self) -> "S3Client":
        """Return this process's client; sockets of a parent process are never reused."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = (os.getpid(), self._make())
            return self._made[1]

    def close(self) -> None:
        """Close the connections of this process."""
        made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].close()

    def _make(self) -> "S3Client":
        session = boto3.session.Session(
            aws_access_key_id=self._connection.access_key_id,
            aws_secret_access_key=self._connection.secret_access_key,
        )
        return session.client(
            "s3", endpoint_url=self._connection.endpoint_url, config=self._connection.config()
        )
