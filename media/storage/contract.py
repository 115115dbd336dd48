"""The interface of every store, in plain values without types of a client library.

Every store raises the same errors: `ObjectNotFoundError` (no object under the key),
`PreconditionFailedError` (the object has another ETag), `StoreUnavailableError` (a retry may
succeed), its subclass `StoreRefusedError` (a wrong setting), and that one's subclass
`StoreCredentialsError` (wrong keys or missing permissions).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

Body = bytes | BinaryIO | Iterable[bytes]


@dataclass(frozen=True, kw_only=True)
class ObjectHeaders:
    """The headers an object is stored and later served with."""

    content_type: str
    cache_control: str | None = None
    content_disposition: str | None = None


@dataclass(frozen=True, kw_only=True)
class ObjectHead:
    """The metadata of one object.

    `size` is in bytes; `etag` has no quotes and only shows whether the bytes changed;
    `last_modified` is by the store's clock; `sha256` is hex, None if the store has no checksum.
    """

    key: str
    size: int
    etag: str
    content_type: str
    last_modified: datetime
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class ObjectListing:
    """One object of a listing; the values are those of `ObjectHead`."""

    key: str
    size: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True, kw_only=True)
class SignedPut:
    """A signed PUT for a client.

    `headers` is exactly what the client must send (besides Host and Content-Length, which any
    HTTP client sends); `token` is set by the local store only.
    """

    url: str
    headers: Mapping[str, str]
    method: str = "PUT"
    token: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteFailure:
    """One key that a bulk delete did not delete, with the store's code and message."""

    key: str
    code: str
    message: str = field(default="")


class ObjectReader(AbstractContextManager["ObjectReader"], Protocol):
    """The bytes of one object, in chunks of any length, read once."""

    @property
    def head(self) -> ObjectHead:
        """Return the metadata of the object; `size` is that of the whole object."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; an incomplete or slow body raises `StoreUnavailableError`."""
        ...


class ObjectStore(Protocol):
    """One bucket."""

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
        """Sign one PUT to a temp key; no other key can be signed (`KeyRefusedError`).

        The store rejects another type, another length if `size` is given, other bytes if `sha256`
        (hex) is given, and a second PUT if `write_once`. Makes no network call.
        """
        ...

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Return a URL for reading `key` until it expires, as a download named `filename`."""
        ...

    def clock(self) -> datetime | None:
        """Return the time of the store's clock, the one of `last_modified`.

        None if the store does not send it.
        """
        ...

    def head(self, key: str) -> ObjectHead:
        """Return the metadata of `key`; raises `ObjectNotFoundError`."""
        ...

    def open(
        self,
        key: str,
        *,
        if_match: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> ObjectReader:
        """Open `key` for reading, all of it or `length` bytes from `offset` (inside the object).

        Raises `ObjectNotFoundError`, and `PreconditionFailedError` when the ETag is not `if_match`.
        """
        ...

    def copy(self, source: str, target: str, *, if_match: str, headers: ObjectHeaders) -> None:
        """Copy inside the store, replacing the headers, when the source still has this ETag."""
        ...

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        """Store `body` under `key`, completely or not at all; an iterable is streamed."""
        ...

    def delete_many(self, keys: Iterable[str]) -> "DeleteFailures":
        """Delete these keys and return those that remain; a missing key is not a failure."""
        ...

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = 1000
    ) -> Iterator[ObjectListing]:
        """Yield at most `limit` objects under `prefix`, by key in byte order, after `after`.

        Pages are fetched as needed, so any step may raise an error. SeaweedFS walks its folders and
        yields `a/b` before `a-b`; no two of our keys differ in this way.
        """
        ...


DeleteFailures = list[DeleteFailure]
