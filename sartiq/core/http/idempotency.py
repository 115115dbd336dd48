"""`Idempotency-Key`: the same request sent again gets the first answer, and acts once.

The claim is a row inserted before the work, held by a short lease that a thread renews while the
request works: a request that was killed frees its key within seconds. The response is saved in the
row by the transaction that creates the entity, so a crash leaves either both or neither.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, connections
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from sartiq.core.errors import ConflictError, InvalidManyError, Issue, RetryLaterError
from sartiq.core.models import IdempotencyKey

log = structlog.get_logger(__name__)

LIFETIME = timedelta(hours=24)
LEASE = timedelta(seconds=10)  # of a claim; after it the request that made it is dead
RENEWAL_SECONDS = 2.5  # a renewal may fail or wait for a lock, and the next one is in time
MIN_RETRY = timedelta(seconds=1)
MAX_KEY_LENGTH = 255
CLAIMS = 3  # a holder that is refused frees the key between our insert and our look at it


class RequestInProgressError(ConflictError, RetryLaterError):
    """Raised when the first request with this key still runs."""

    message = "A request with this Idempotency-Key is still running."
    retry_after = LEASE


@dataclass(frozen=True)
class Answer:
    """What a creating request answered."""

    status: int
    body: Any
    location: str = ""

    def response(self, *, replayed: bool = False) -> Response:
        """Return the HTTP response."""
        headers = {"Location": self.location} if self.location else {}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(self.body, status=self.status, headers=headers)


@dataclass(frozen=True)
class ReservedKey:
    """The key of one request; `replay` is the first answer when the request came before."""

    row: IdempotencyKey | None = None
    replay: Response | None = None

    def save_response(self, answer: Answer) -> Response:
        """Save the answer in the transaction that creates what it describes; return the response.

        Raises RequestInProgressError when a repetition took the key after the lease ran out: the
        transaction must be rolled back.
        """
        if self.row is None:
            return answer.response()
        written = _unanswered(self.row.pk).update(
            status_code=answer.status,
            answer=answer.body,
            location=answer.location,
            updated_at=Now(),
        )
        if not written:
            raise RequestInProgressError
        return answer.response()


@contextmanager
def reserve(
    request: Request, *, route: str, digest: Callable[[], str] | None = None
) -> Iterator[ReservedKey]:
    """Reserve the request's key while the block acts; without a key the block simply acts.

    The block returns `replay` if there is one, else it acts and returns what `save_response`
    returns. Two bodies are the same when they read as the same JSON; a route that takes a file
    hashes its bytes in `digest`, which is called only where there is a key.
    Raises RequestInProgressError while the first request runs, InvalidManyError for a bad key or
    for a key used before with another body.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        yield ReservedKey()
        return
    body_hash = digest() if digest else _hash(request, route)
    row, is_first = _claim(request, route=route, key=_valid(key), body_hash=body_hash)
    if not is_first:
        yield ReservedKey(row, replay=_replay(row, body_hash=body_hash))
        return
    with _renewed(row.pk):
        try:
            yield ReservedKey(row)
        except BaseException:
            _unanswered(row.pk).delete()
            raise


@contextmanager
def _renewed(pk: UUID) -> Iterator[None]:
    """Renew the lease of a claim from a thread while the block runs."""
    done = Event()
    thread = Thread(target=_renew_until, args=(pk, done), daemon=True, name="idempotency-key")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew_until(pk: UUID, done: Event) -> None:
    while not done.wait(RENEWAL_SECONDS):
        try:
            if not _unanswered(pk).update(locked_until=Now() + LEASE):
                break
        except DatabaseError:
            log.warning("idempotency_key_not_renewed", key_id=str(pk))
        finally:
            connections.close_all()  # of this thread; a broken one would stay broken


def _unanswered(pk: UUID) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(pk=pk, status_code=None)


def _claim(
    request: Request, *, route: str, key: str, body_hash: str
) -> tuple[IdempotencyKey, bool]:
    named = {"user_id": request.user.pk, "route": route, "key": key}
    rows = IdempotencyKey.objects.filter(**named)
    rows.filter(created_at__lt=Now() - LIFETIME).delete()
    rows.filter(status_code=None, locked_until__lt=Now()).delete()
    for _ in range(CLAIMS):
        row = IdempotencyKey(**named, body_hash=body_hash, locked_until=Now() + LEASE)
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        if (existing := rows.first()) is not None:
            return existing, existing.pk == row.pk
    raise RequestInProgressError


def _replay(row: IdempotencyKey, *, body_hash: str) -> Response:
    if row.body_hash != body_hash:
        raise _refused("idempotency_key_reused", "This key was used with another request.", row.key)
    if row.status_code is None:
        left = max(MIN_RETRY, row.locked_until - timezone.now())
        raise RequestInProgressError(retry_after=min(left, LEASE))
    answer = Answer(status=row.status_code, body=row.answer, location=row.location)
    return answer.response(replayed=True)


def _valid(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise _refused("idempotency_key", "Send 1 to 255 printable ASCII characters.", key)
    return key


def _refused(code: str, message: str, key: str) -> InvalidManyError:
    loc = ("header", "Idempotency-Key")
    return InvalidManyError([Issue(loc=loc, code=code, message=message, input=key)])


def _hash(request: Request, route: str) -> str:
    # The route's name, not the path, which has two spellings; the raw body is gone once DRF has
    # read it.
    asked = [route, sorted(request.query_params.lists()), request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def forget_expired() -> int:
    """Delete keys past their lifetime; return how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=Now() - LIFETIME).delete()
    return deleted
