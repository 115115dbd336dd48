"""A strict store in memory, for fast tests: it rejects what R2 and SeaweedFS reject.

The contract tests run against it and the real stores. ETags are MD5 as in S3, with its collisions.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from django.utils import timezone

from media.errors import ObjectNotFoundError, PreconditionFailedError
from media.rules.keys import is_storable, require_storable, require_temp_key
from media.storage.contract import (
    Body,
    DeleteFailure,
    DeleteFailures,
    ObjectHead,
    ObjectHeaders,
    ObjectListing,
    SignedPut,
)
from media.storage.marker import MARKER_KEY
from media.storage.s3.multipart import chunks_of
from media.storage.s3.signing import (
    CHECKSUM_HEADER,
    checksum_of,
    lifetime_seconds,
    put_headers,
    sha256_of,
)

OK: Final = 200
FORBIDDEN: Final = 403
PRECONDITION_FAILED: Final = 412
BAD_DIGEST: Final = 400
CHUNK_BYTES: Final = 64 * 1024

Hook = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One object in memory."""

    body: bytes
    head: ObjectHead
    headers: ObjectHeaders


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one signed PUT allows."""

    key: str
    size: int | None
    headers: Mapping[str, str]
    expires_at: datetime


def nothing(operation: str, key: str) -> None:
    """Do nothing: the hook of a store without faults."""


class MemoryStore:
    """One bucket in memory.

    `before` and `after` are called with each operation's name and key. The caller gets what they
    raise, before the operation took effect or after it (a lost response). Keys in `undeletable` are
    reported as failures of a bulk delete.
    """

    def __init__(self, *, now: Callable[[], datetime] = timezone.now) -> None:
        self.before: Hook = nothing
        self.after: Hook = nothing
        self.undeletable: set[str] = set()
        self._now = now
        self._objects: dict[str, StoredObject] = {}
        self._grants: dict[str, Grant] = {}
        self._numbers = count(1)
        self._lock = threading.RLock()

    # --- For tests ----------------------------------------------------------------------------

    def keys(self, prefix: str = "") -> "Keys":
        """Return every key except the environment marker's, in order."""
        with self._lock:
            names = (key for key in self._objects if key != MARKER_KEY)
            return sorted(key for key in names if key.startswith(prefix))

    def body(self, key: str) -> bytes:
        """Return the bytes under a key."""
        return self._get(key).body

    def headers(self, key: str) -> ObjectHeaders:
        """Return the headers an object is served with."""
        return self._get(key).headers

    def client_put(
        self, signed: SignedPut, body: bytes, headers: Mapping[str, str] | None = None
    ) -> int:
        """Send a signed PUT as a client would, and return the status it would get."""
        signed_headers = signed.headers if headers is None else headers
        sent_headers = {name.lower(): value for name, value in signed_headers.items()}
        parts = urlsplit(signed.url)
        self.before("client_put", unquote(parts.path.lstrip("/")))
        with self._lock:
            grant = self._grants.get(parse_qs(parts.query).get("grant", [""])[0])
            status = self._refusal(grant, unquote(parts.path.lstrip("/")), body, sent_headers)
            if grant is not None and status == OK:
                stored = ObjectHeaders(content_type=sent_headers["content-type"])
                self._set(
                    grant.key, body, stored, sha256=sha256_of(sent_headers.get(CHECKSUM_HEADER))
                )
        self.after("client_put", unquote(parts.path.lstrip("/")))
        return status

    # --- The store interface ------------------------------------------------------------------

    def sign_put(
        self,
        key: str,
        *,
        content_type: str,
        size: int | None,
        sha256: str | None,
        lifetime: timedelta,
        write_once: bool = False,
    ) -> SignedPut:
        """Record what the PUT must match."""
        headers = put_headers(content_type=content_type, sha256=sha256, write_once=write_once)
        seconds = lifetime_seconds(lifetime)
        grant = Grant(
            key=require_temp_key(key),
            size=size,
            headers=headers,
            expires_at=self._now() + timedelta(seconds=seconds),
        )
        name = str(next(self._numbers))
        self._grants[name] = grant
        return SignedPut(url=f"memory://bucket/{quote(key)}?grant={name}", headers=headers)

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Return a URL with the key, the expiry and the file name."""
        expires = self._now() + timedelta(seconds=lifetime_seconds(lifetime))
        disposition = f"&filename={quote(filename)}" if filename is not None else ""
        return f"memory://bucket/{quote(require_storable(key))}?until={expires.timestamp():.0f}{disposition}"

    def clock(self) -> datetime:
        """Return the time of the clock given to the store."""
        self.before("clock", "")
        return self._now()

    def head(self, key: str) -> ObjectHead:
        """Return the metadata of an object."""
        self.before("head", key)
        head = self._get(key).head
        self.after("head", key)
        return head

    def open(
        self,
        key: str,
        *,
        if_match: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> "MemoryReader":
        """Open the current object."""
        self.before("open", key)
        stored = self._get(key)
        if if_match is not None and stored.head.etag != if_match:
            raise PreconditionFailedError
        self.after("open", key)
        stop = None if length is None else offset + length
        return MemoryReader(replace(stored.head, sha256=None), stored.body[offset:stop])

    def copy(self, source: str, target: str, *, if_match: str, headers: ObjectHeaders) -> None:
        """Copy when the source still has this ETag."""
        self.before("copy", target)
        with self._lock:
            stored = self._get(source)
            if stored.head.etag != if_match:
                raise PreconditionFailedError
            self._set(require_storable(target), stored.body, headers)
        self.after("copy", target)

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        """Store the whole body."""
        self.before("put", key)
        whole = b"".join(chunks_of(body))
        with self._lock:
            head = self._set(require_storable(key), whole, headers)
        self.after("put", key)
        return head

    def delete_many(self, keys: Iterable[str]) -> DeleteFailures:
        """Delete, except what is marked undeletable."""
        failures = []
        for key in sorted(set(keys)):
            self.before("delete_many", key)
            with self._lock:
                if key in self.undeletable and key in self._objects:
                    failures.append(DeleteFailure(key=key, code="AccessDenied"))
                else:
                    self._objects.pop(key, None)
            self.after("delete_many", key)
        return failures

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = 1000
    ) -> Iterator[ObjectListing]:
        """Yield in key order the objects that existed when the listing began."""
        self.before("list", prefix)
        names = [key for key in self.keys(prefix) if key > (after or "")]
        for key in names[:limit]:
            stored = self._objects.get(key)
            if stored is not None:
                yield ObjectListing(
                    key=key,
                    size=stored.head.size,
                    etag=stored.head.etag,
                    last_modified=stored.head.last_modified,
                )
        self.after("list", prefix)

    def _refusal(
        self, grant: Grant | None, key: str, body: bytes, headers: Mapping[str, str]
    ) -> int:
        if grant is None or grant.key != key or self._now() > grant.expires_at:
            return FORBIDDEN
        if any(headers.get(name.lower()) != value for name, value in grant.headers.items()):
            return FORBIDDEN
        if grant.size not in {None, len(body)}:
            return FORBIDDEN
        digest = checksum_of(hashlib.sha256(body).hexdigest())
        if headers.get(CHECKSUM_HEADER, digest) != digest:
            return BAD_DIGEST
        if "if-none-match" in headers and key in self._objects:
            return PRECONDITION_FAILED
        return OK

    def _get(self, key: str) -> StoredObject:
        with self._lock:
            if not is_storable(key) or key not in self._objects:
                raise ObjectNotFoundError
            return self._objects[key]

    def _set(
        self, key: str, body: bytes, headers: ObjectHeaders, sha256: str | None = None
    ) -> ObjectHead:
        head = ObjectHead(
            key=key,
            size=len(body),
            etag=hashlib.md5(body, usedforsecurity=False).hexdigest(),
            content_type=headers.content_type,
            last_modified=self._now().replace(microsecond=0),
            sha256=sha256,
        )
        self._objects[key] = StoredObject(body=body, head=head, headers=headers)
        return head


class MemoryReader:
    """The bytes of an object as they were when it was opened."""

    def __init__(self, head: ObjectHead, body: bytes) -> None:
        self._head = head
        self._body = body

    @property
    def head(self) -> ObjectHead:
        """Return the metadata of the object."""
        return self._head

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes in chunks, as a network would."""
        for start in range(0, len(self._body), CHUNK_BYTES):
            yield self._body[start : start + CHUNK_BYTES]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Do nothing: there is nothing to close."""


Keys = list[str]
