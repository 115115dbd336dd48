"""The interface of every store: plain values in and out, without types of a client library.

Errors mean the same in every store: `ObjectNotFoundError` (no object under the key),
`PreconditionFailedError` (another object than the one named by its ETag), `StoreUnavailableError`
(everything that may pass). Of the latter, `StoreRefusedError` points at a wrong setting, and its
kind `StoreCredentialsError` at our keys or their rights.
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

    `size` is in bytes; `etag` has no quotes and means only "these bytes changed or not";
    `last_modified` is by the store's clock; `sha256` is hex, None when the store holds no checksum.
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
    """One key a bulk delete did not delete, with the code and message of the store."""

    key: str
    code: str
    message: str = field(default="")


class ObjectReader(AbstractContextManager["ObjectReader"], Protocol):
    """The bytes of one object, in chunks of any length, read once."""

    @property
    def head(self) -> ObjectHead:
        """The object these bytes are of; `size` is that of the whole object."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; a cut or slow body raises `StoreUnavailableError`, never ends early."""
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

        The store refuses another type, another length when `size` is given, other bytes when
        `sha256` (hex) is, and a second PUT when `write_once`. No network call.
        """
        ...

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Return a URL that reads `key` until it expires, as a download named `filename`."""
        ...

    def clock(self) -> datetime | None:
        """Return the time of the store's clock, which `last_modified` is measured by.

        None when the store does not tell it.
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
        """Store `body` under `key`, whole or not at all; an iterable is streamed."""
        ...

    def delete_many(self, keys: Iterable[str]) -> "DeleteFailures":
        """Delete these keys and return those that remain; an absent key is no failure."""
        ...

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = 1000
    ) -> Iterator[ObjectListing]:
        """Yield at most `limit` objects under `prefix`, by key in byte order, later than `after`.

        Pages are fetched as they are needed, so an error may come from any step. SeaweedFS walks
        its folders, so there `a/b` comes before `a-b`; keys of our grammar never differ so.
        """
        ...


DeleteFailures = list[DeleteFailure]
