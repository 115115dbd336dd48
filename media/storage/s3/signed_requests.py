"""GET and HEAD with our own signer and connections, without the overhead of boto3.

All bytes are read with these two methods; boto3 uses twice the CPU for them.
"""

import random
import re
import time
from collections.abc import Mapping
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from media.storage.deadline import OPERATION_BUDGET, remaining
from media.storage.s3.connection import ATTEMPTS, S3Clients, S3Connection
from media.storage.s3.errors import S3ResponseError

_MAX_ERROR_BYTES: Final = 64 * 1024  # of an error document
_CODE: Final = re.compile(rb"<Code>([^<]*)</Code>")


class SignedRequests:
    """Signed GET and HEAD requests to one bucket, each tried three times."""

    def __init__(self, connection: S3Connection, bucket: str, clients: S3Clients) -> None:
        self._signer = connection.signer(connection.endpoint_url)
        self._bucket = bucket
        self._clients = clients

    def send(self, method: str, key: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Return a successful response, its body unread; raises S3ResponseError or urllib3 errors.

        An empty key stands for the bucket itself.
        """
        attempt = 1
        while True:
            try:
                with self._clients.store_breaker.attempt():
                    return self._send_once(method, key, headers)
            except (S3ResponseError, HTTPError, OSError) as error:
                if attempt == ATTEMPTS or not _may_succeed_later(error) or not _pause(attempt):
                    raise
            attempt += 1

    def _send_once(self, method: str, key: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        path = f"/{self._bucket}/{key}" if key else f"/{self._bucket}"
        url, signed = self._signer.signed_headers(method, path, headers)
        response = self._clients.pool.get().urlopen(
            method,
            url,
            headers=signed,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        if response.status in {200, 206}:
            return response
        raise _response_error(response)


def _response_error(response: BaseHTTPResponse) -> S3ResponseError:
    document = response.read(_MAX_ERROR_BYTES)
    if len(document) < _MAX_ERROR_BYTES:
        response.drain_conn()
    response.close()
    code = _CODE.search(document)
    return S3ResponseError(response.status, code[1].decode(errors="replace") if code else "")


def _may_succeed_later(error: Exception) -> bool:
    return not isinstance(error, S3ResponseError) or error.is_temporary


def _pause(attempt: int) -> bool:
    """Wait up to 1, then up to 2 seconds; return whether there was time for it."""
    seconds = random.random() * 2 ** (attempt - 1)  # noqa: S311  jitter is not security-relevant
    if seconds >= remaining(OPERATION_BUDGET):
        return False
    time.sleep(seconds)
    return True
