"""Protection of requests from a store that does not respond.

Workers and commands pass: their own policies retry (`docs/design/work.md`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError

from media.errors import StoreUnavailableError
from media.storage.deadline import remaining
from media.storage.s3.errors import S3ResponseError, is_busy
from sartiq.core.limits import request_limits
from sartiq.core.limits.breaker import Breaker

MAX_FAILURES: Final = 4  # in a row; then the store does not respond
# A time-out after less than this, because the request had no more time, proves nothing.
MIN_WAIT: Final = timedelta(seconds=1)
_RATE_LIMITED: Final = frozenset({408, 429})


class StoreBreaker:
    """The circuit breaker and the bulkhead in front of the store, for requests."""

    def __init__(self, probe: Callable[[], bool]) -> None:
        self.breaker = Breaker("object store", probe=probe, max_failures=MAX_FAILURES)
        self._started: dict[object, float] = {}  # the attempts that are waiting

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Make one attempt of an operation in the block; the breaker counts its result.

        Raises StoreUnavailableError if the store does not respond, or is slow and too many requests
        wait for it.
        """
        request = request_limits.current()
        if request is None:
            yield
            return
        if self.breaker.is_open or not (request.take_permit() or self._is_quick()):
            raise StoreUnavailableError
        attempt = object()
        started = self._started[attempt] = time.monotonic()
        try:
            yield
        except Exception as error:
            waited = time.monotonic() - started
            if not _is_outage(error):
                self.breaker.record_success()
            elif waited >= MIN_WAIT.total_seconds() or remaining(MIN_WAIT) > 0:
                self.breaker.record_failure()
            raise
        else:
            self.breaker.record_success()
        finally:
            del self._started[attempt]

    def _is_quick(self) -> bool:
        """Return whether no attempt has been waiting for long: then there are just many."""
        begin = time.monotonic() - MIN_WAIT.total_seconds()
        return all(started > begin for started in list(self._started.values()))


def _is_outage(error: Exception) -> bool:
    """Return whether an error means that the store does not work, whatever it was asked for."""
    status = _status_of(error)
    if status is None:
        return not isinstance(error, ParamValidationError | NoCredentialsError)
    return is_busy(status) and status not in _RATE_LIMITED


def _status_of(error: Exception) -> int | None:
    """Return the status of the store's response, None without one."""
    if isinstance(error, S3ResponseError):
        return error.status
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return None
