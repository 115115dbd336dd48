"""`Idempotency-Key`: a repeated request gets the first response and has no further effect.

A request claims its key by inserting a row before its work. During the work a thread renews the
short lease of the claim, so a request that is killed frees its key within seconds. The transaction
that creates the entity also saves the response in the row: a crash leaves either both or neither.
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

from sartiq.core.errors import ConflictError, InvalidValuesError, Issue, RetryLaterError
from sartiq.core.limits import request_limits
from sartiq.core.models import IdempotencyKey

log = structlog.get_logger(__name__)

LIFETIME = timedelta(hours=24)
LEASE = timedelta(seconds=10)  # of a claim; once it has expired, the request is dead
RENEWAL_SECONDS = 2.5  # even if one renewal fails, the next is in time
MIN_RETRY = timedelta(seconds=1)
MAX_KEY_LENGTH = 255
CLAIM_ATTEMPTS = 3  # a failing request may free the key between our insert and our query


class RequestInProgressError(ConflictError, RetryLaterError):
    """Raised while the first request with this key is still running."""

    message = "A request with this Idempotency-Key is still running."
    retry_after = LEASE


@dataclass(frozen=True)
class SavedResponse:
    """The saved part of a response."""

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
    """The key of one request; `replay` is the response of an earlier request with this key."""

    row: IdempotencyKey | None = None
    replay: Response | None = None

    def save_response(self, saved: SavedResponse) -> Response:
        """Save the response in the transaction that creates the entity, and return it.

        Raises RequestInProgressError if another request took the key after the lease expired; the
        transaction must then be rolled back.
        """
        if self.row is None:
            return saved.response()
        updated = _unfinished(self.row.pk).update(
            status_code=saved.status,
            answer=saved.body,
            location=saved.location,
            updated_at=Now(),
        )
        if not updated:
            raise RequestInProgressError
        return saved.response()


@contextmanager
def reserve(
    request: Request, *, route: str, compute_digest: Callable[[], str] | None = None
) -> Iterator[ReservedKey]:
    """Reserve the request's key, if it has one, while the block runs.

    The block returns `replay` if there is one; otherwise it does its work and returns the result
    of `save_response`. Two bodies are equal if they parse to the same JSON; a route with a file
    passes `compute_digest`, which is only called for requests with a key.
    Raises RequestInProgressError while the first request is running, and InvalidValuesError for a
    bad key or a key that was used with another body.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        yield ReservedKey()
        return
    body_hash = compute_digest() if compute_digest else _hash(request, route)
    row, is_first = _claim(request, route=route, key=_valid(key), body_hash=body_hash)
    if not is_first:
        yield ReservedKey(row, replay=_replay(row, body_hash=body_hash))
        return
    with _renewed(row.pk):
        try:
            yield ReservedKey(row)
        except BaseException:
            request_limits.allow_cleanup()
            _unfinished(row.pk).delete()
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
            if not _unfinished(pk).update(locked_until=Now() + LEASE):
                break
        except DatabaseError:
            log.warning("idempotency_key_not_renewed", key_id=str(pk))
        finally:
            connections.close_all()  # of this thread, so that a broken one is not reused


def _unfinished(pk: UUID) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(pk=pk, status_code=None)


def _claim(
    request: Request, *, route: str, key: str, body_hash: str
) -> tuple[IdempotencyKey, bool]:
    identity = {"user_id": request.user.pk, "route": route, "key": key}
    rows = IdempotencyKey.objects.filter(**identity)
    rows.filter(created_at__lt=Now() - LIFETIME).delete()
    rows.filter(status_code=None, locked_until__lt=Now()).delete()
    for _ in range(CLAIM_ATTEMPTS):
        row = IdempotencyKey(**identity, body_hash=body_hash, locked_until=Now() + LEASE)
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        if (stored := rows.first()) is not None:
            return stored, stored.pk == row.pk
    raise RequestInProgressError


def _replay(row: IdempotencyKey, *, body_hash: str) -> Response:
    if row.body_hash != body_hash:
        raise _invalid("idempotency_key_reused", "This key was used with another request.", row.key)
    if row.status_code is None:
        remaining = max(MIN_RETRY, row.locked_until - timezone.now())
        raise RequestInProgressError(retry_after=min(remaining, LEASE))
    saved = SavedResponse(status=row.status_code, body=row.answer, location=row.location)
    return saved.response(replayed=True)


def _valid(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise _invalid("idempotency_key", "Send 1 to 255 printable ASCII characters.", key)
    return key


def _invalid(code: str, message: str, key: str) -> InvalidValuesError:
    loc = ("header", "Idempotency-Key")
    return InvalidValuesError([Issue(loc=loc, code=code, message=message, input=key)])


def _hash(request: Request, route: str) -> str:
    # The route's name, as its path can be written in two ways; the parsed body, as DRF has consumed
    # the raw one.
    content = [route, sorted(request.query_params.lists()), request.data]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
