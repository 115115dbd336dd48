"""`Idempotency-Key`: the same request sent again gets the first answer, and acts once.

The claim is a row inserted before the work; the answer is written into it by the transaction that
creates the entity (`Claim.record`), so a crash leaves either both or neither.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from rest_framework.request import Request
from rest_framework.response import Response

from sartiq.core.errors import ConflictError, InvalidManyError, Issue
from sartiq.core.models import IdempotencyKey

LIFETIME = timedelta(hours=24)
LOCK = timedelta(minutes=2)  # longer than any request may take; after it the first one is dead
LONGEST_KEY = 255
CLAIMS = 3  # a holder that is refused frees the key between our insert and our look at it


class RequestInProgressError(ConflictError):
    """Raised when the first request with this key still runs."""

    message = "A request with this Idempotency-Key is still running."


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


Record = Callable[[Answer], None]


def once(
    request: Request,
    *,
    route: str,
    work: Callable[[Record], Answer],
    digest: Callable[[], str] | None = None,
) -> Response:
    """Run `work` at most once for the request's key; without a key simply run it.

    `work` calls the `Record` it is given inside the transaction that creates the entity; it raises
    RequestInProgressError there when a repetition took the key after the lock ran out. Two
    bodies are the same when they read as the same JSON; a route that takes a file hashes its bytes
    in `digest`, which is called only where there is a key.
    Raises RequestInProgressError while the first request runs, InvalidManyError for a bad key or
    for a key used before with another body.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return work(_forget).response()
    body_hash = digest() if digest else _hash(request, route)
    row, fresh = _claim(request, route=route, key=_valid(key), body_hash=body_hash)
    if not fresh:
        return _replay(row, body_hash=body_hash)
    try:
        return work(lambda answer: _record(row, answer)).response()
    except BaseException:
        IdempotencyKey.objects.filter(pk=row.pk, status_code=None).delete()
        raise


def _forget(_answer: Answer) -> None:
    """Keep nothing: the caller sent no key."""


def _claim(
    request: Request, *, route: str, key: str, body_hash: str
) -> tuple[IdempotencyKey, bool]:
    named = {"user_id": request.user.pk, "route": route, "key": key}
    rows = IdempotencyKey.objects.filter(**named)
    rows.filter(created_at__lt=Now() - LIFETIME).delete()
    rows.filter(status_code=None, locked_until__lt=Now()).delete()
    for _ in range(CLAIMS):
        row = IdempotencyKey(**named, body_hash=body_hash, locked_until=Now() + LOCK)
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        if (kept := rows.first()) is not None:
            return kept, kept.pk == row.pk
    raise RequestInProgressError


def _replay(row: IdempotencyKey, *, body_hash: str) -> Response:
    if row.body_hash != body_hash:
        raise _refused("idempotency_key_reused", "This key was used with another request.", row.key)
    if row.status_code is None:
        raise RequestInProgressError
    answer = Answer(status=row.status_code, body=row.answer, location=row.location)
    return answer.response(replayed=True)


def _record(row: IdempotencyKey, answer: Answer) -> None:
    claim = IdempotencyKey.objects.filter(pk=row.pk, status_code=None)
    written = claim.update(
        status_code=answer.status, answer=answer.body, location=answer.location, updated_at=Now()
    )
    if not written:  # the lock ran out and a repetition took the key: what this one made goes
        raise RequestInProgressError


def _valid(key: str) -> str:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
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
