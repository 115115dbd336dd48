"""GET and HEAD with our own signer and connections, without the overhead of boto3.

The two calls every byte comes through; boto3 spends twice the CPU on them.
"""

import random
import re
import time
from collections.abc import Mapping
from typing import Final

from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError

from media.storage.deadline import OPERATION_BUDGET, remaining
from media.storage.per_process import PerProcess
from media.storage.s3.connection import ATTEMPTS, S3Connection
from media.storage.s3.errors import AnswerError

_MAX_ERROR_BYTES: Final = 64 * 1024  # bytes of an error document that are read
_CODE: Final = re.compile(rb"<Code>([^<]*)</Code>")


class DirectCalls:
    """Signed reading requests on one bucket, each tried three times."""

    def __init__(
        self, connection: S3Connection, bucket: str, pool: PerProcess[PoolManager]
    ) -> None:
        self._signer = connection.signer(connection.endpoint_url)
        self._bucket = bucket
        self._pool = pool

    def send(self, method: str, key: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Return an answer of success, its body unread; raises AnswerError or what urllib3 does.

        An empty key means the bucket itself.
        """
        attempt = 1
        while True:
            try:
                return self._send_once(method, key, headers)
            except (AnswerError, HTTPError, OSError) as error:
                if attempt == ATTEMPTS or not _passes(error) or not _paused(attempt):
                    raise
            attempt += 1

    def _send_once(self, method: str, key: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        path = f"/{self._bucket}/{key}" if key else f"/{self._bucket}"
        url, signed = self._signer.signed_headers(method, path, headers)
        response = self._pool.get().urlopen(
            method,
            url,
            headers=signed,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        if response.status in {200, 206}:
            return response
        raise _refused(response)


def _refused(response: BaseHTTPResponse) -> AnswerError:
    document = response.read(_MAX_ERROR_BYTES)
    if len(document) < _MAX_ERROR_BYTES:
        response.drain_conn()
    response.close()
    code = _CODE.search(document)
    return AnswerError(response.status, code[1].decode(errors="replace") if code else "")


def _passes(error: Exception) -> bool:
    return not isinstance(error, AnswerError) or error.is_worth_another_try


def _paused(attempt: int) -> bool:
    """Wait up to 1, then up to 2 seconds; return whether there is time for another try."""
    seconds = random.random() * 2 ** (attempt - 1)  # noqa: S311  jitter is no secret
    if seconds >= remaining(OPERATION_BUDGET):
        return False
    time.sleep(seconds)
    return True
