"""Connections of a process to S3, and their configuration."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from media.errors import StoreUnavailableError
from media.storage.deadline import time_limit
from media.storage.deadline_sockets import CONNECT_SECONDS, READ_SECONDS, open_pool
from media.storage.per_process import PerProcess
from media.storage.s3.errors import is_busy
from media.storage.s3.sigv4 import Signer
from media.storage.s3.store_breaker import StoreBreaker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS: Final = 3
PROBE_LIMIT: Final = timedelta(seconds=2)
_RETRIED_BY_BOTOCORE: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class S3Connection:
    """Endpoint and credentials of an S3-compatible service.

    `endpoint_url` is for our own calls, `public_endpoint_url` for the URLs that clients get.
    """

    endpoint_url: str
    public_endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str
    pool_size: int = 32

    def config(self) -> Config:
        """Return the client configuration, complete, because django-storages adds nothing to it.

        Default checksums would sign the CRC32 of an empty body into every upload URL, and without
        `s3v4` boto3 signs with V2 on a custom endpoint, which does not sign the length.
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

    def signer(self, endpoint_url: str) -> Signer:
        """Return the signer for an endpoint of this service."""
        return Signer(
            endpoint_url=endpoint_url,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            region=self.region,
        )


class S3Clients:
    """The connections of a process to one S3 service: boto3's, and our own for reading."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection
        self._client = PerProcess(self._make, lambda client: client.close())
        self.pool = PerProcess(self._open_pool, lambda pool: pool.clear())
        self.store_breaker = StoreBreaker(self._responds)

    def get(self) -> "S3Client":
        """Return this process's boto3 client."""
        return self._client.get()

    def close(self) -> None:
        """Close the connections of this process."""
        self._client.close()
        self.pool.close()

    def _responds(self) -> bool:
        """Return whether the service gives any response that is not an outage, in two seconds."""
        signer = self._connection.signer(self._connection.endpoint_url)
        url, headers = signer.signed_headers("GET", "/", {})
        try:
            with time_limit(PROBE_LIMIT):
                response = self.pool.get().urlopen(
                    "GET", url, headers=headers, redirect=False, preload_content=False
                )
                response.close()
        except (HTTPError, OSError, StoreUnavailableError):
            return False
        return not is_busy(response.status)

    def _open_pool(self) -> PoolManager:
        return open_pool(self._connection.endpoint_url, size=self._connection.pool_size)

    def _make(self) -> "S3Client":
        session = boto3.session.Session(
            aws_access_key_id=self._connection.access_key_id,
            aws_secret_access_key=self._connection.secret_access_key,
        )
        client = session.client(
            "s3", endpoint_url=self._connection.endpoint_url, config=self._connection.config()
        )
        handler: Any = _pause_before_retry  # the stubs have no handlers with a result
        client.meta.events.register("needs-retry.s3", handler)
        return client


def _pause_before_retry(
    response: tuple[AWSResponse, Any] | None, attempts: int, **_: object
) -> float | None:
    """Return the pause before a retry of statuses botocore does not retry: 520 to 530."""
    if response is None or attempts >= ATTEMPTS:
        return None
    status = response[0].status_code
    if status in _RETRIED_BY_BOTOCORE or not is_busy(status):
        return None
    seconds: float = random.random() * 2 ** (attempts - 1)  # noqa: S311  jitter is not security-relevant
    return seconds
