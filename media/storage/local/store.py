"""A store on the file system, to run the product without an S3 service.

Clients put to our own route with a signed token, which allows exactly what a signed S3 URL allows.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Self
from urllib.parse import quote

from django.core import signing

from media.errors import (
    LengthRequiredError,
    ObjectNotFoundError,
    PreconditionFailedError,
    UploadRefusedError,
    UploadTooLargeError,
)
from media.rules.keys import require_storable, require_temp_key
from media.rules.limits import MAX_FILE_SIZE
from media.storage.contract import (
    Body,
    DeleteFailure,
    DeleteFailures,
    ObjectHead,
    ObjectHeaders,
    ObjectListing,
    SignedPut,
)
from media.storage.local.files import CHUNK_BYTES, FileInfo, Folder, translated_disk_errors
from media.storage.s3.multipart import chunks_of
from media.storage.s3.signing import CHECKSUM_HEADER, lifetime_seconds, put_headers, sha256_of

PUT_PATH: Final = "/api/v1/uploads/local/"
GET_PATH: Final = "/local-store/"
_LENGTH: Final = re.compile(r"[0-9]{1,15}")
_PUT_SALT: Final = "media.storage.local.store.put"
_GET_SALT: Final = "media.storage.local.store.get"


@dataclass(frozen=True, kw_only=True)
class SignedGet:
    """What a signed GET allows: one key, and the name of the download."""

    key: str
    filename: str | None


class LocalStore:
    """One bucket in a folder."""

    def __init__(self, root: Path, bucket: str, *, base_url: str) -> None:
        self._bucket = bucket
        self._folder = Folder(root, bucket)
        self._base_url = base_url.rstrip("/")

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
        """Return a PUT with a signed token of everything it must match."""
        grant = {
            "bucket": self._bucket,
            "key": require_temp_key(key),
            "content_type": content_type,
            "size": size,
            "sha256": sha256,
            "write_once": write_once,
            "expires_at": time.time() + lifetime_seconds(lifetime),
        }
        token = signing.dumps(grant, salt=_PUT_SALT)
        headers = put_headers(content_type=content_type, sha256=sha256, write_once=write_once)
        return SignedPut(url=f"{self._base_url}{PUT_PATH}{token}", headers=headers, token=token)

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Return a URL with a signed token for one key."""
        grant = {
            "bucket": self._bucket,
            "key": require_storable(key),
            "filename": filename,
            "expires_at": time.time() + lifetime_seconds(lifetime),
        }
        token = signing.dumps(grant, salt=_GET_SALT)
        return f"{self._base_url}{GET_PATH}{quote(key)}?token={token}"

    def receive(self, token: str, headers: Mapping[str, str], body: Iterable[bytes]) -> ObjectHead:
        """Store the body of a client's PUT if it is exactly what the token was signed for.

        Header names are in lower case. Nothing is stored if anything differs.
        """
        grant = self._read_grant(token, _PUT_SALT)
        length = _require_length(grant, headers)
        _require_headers(grant, headers)

        def checked_info(sha256: str) -> FileInfo:  # called by `write` before it publishes
            checksum = sha256_of(headers.get(CHECKSUM_HEADER))
            if checksum not in {None, sha256}:
                raise UploadRefusedError
            return FileInfo(etag=sha256, content_type=grant["content_type"], sha256=sha256)

        self._folder.write(
            grant["key"], _exactly(length, body), checked_info, write_once=grant["write_once"]
        )
        return self.head(grant["key"])

    def read_get_token(self, token: str) -> SignedGet:
        """Return what a signed GET allows; raise UploadRefusedError if it is forged or expired."""
        grant = self._read_grant(token, _GET_SALT)
        return SignedGet(key=grant["key"], filename=grant["filename"])

    def clock(self) -> datetime:
        """Return the time of this machine, which also sets the times of the files."""
        return datetime.now(UTC)

    def head(self, key: str) -> ObjectHead:
        """Return the metadata of an object."""
        with self.open(key) as reader:
            return reader.head

    def open(
        self,
        key: str,
        *,
        if_match: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> "LocalReader":
        """Open the file; replacing it later does not change the bytes that are read."""
        file, info = self._folder.open(key)
        reader = LocalReader(key, file, info, offset=offset, length=length)
        if if_match is not None and info.etag != if_match:
            file.close()
            raise PreconditionFailedError
        return reader

    def copy(self, source: str, target: str, *, if_match: str, headers: ObjectHeaders) -> None:
        """Copy the source if it still has this ETag; replacing it later changes nothing."""
        with self.open(source, if_match=if_match) as reader:
            self.put(target, reader, headers=headers)

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        """Write to a temporary file and rename it to the target."""

        def info_of(sha256: str) -> FileInfo:
            return FileInfo(
                etag=sha256,
                content_type=headers.content_type,
                cache_control=headers.cache_control,
                content_disposition=headers.content_disposition,
                sha256=sha256,
            )

        self._folder.write(require_storable(key), chunks_of(body), info_of)
        return self.head(key)

    def delete_many(self, keys: Iterable[str]) -> DeleteFailures:
        """Delete the files one by one; a failure does not stop the others."""
        failures = []
        for key in keys:
            try:
                self._folder.remove(key)
            except OSError as error:
                code = type(error).__name__
                failures.append(DeleteFailure(key=key, code=code, message=error.strerror or ""))
        return failures

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = 1000
    ) -> Iterator[ObjectListing]:
        """Walk the folder in key order."""
        with translated_disk_errors():
            yield from islice(self._listings(prefix, after or ""), limit)

    def create(self) -> bool:
        """Create the folders; return whether they were missing."""
        return self._folder.create()

    def _listings(self, prefix: str, after: str) -> Iterator[ObjectListing]:
        for key in self._folder.keys(prefix, after):
            try:
                head = self.head(key)
            except ObjectNotFoundError:  # deleted since the walk found it
                continue
            yield ObjectListing(
                key=key, size=head.size, etag=head.etag, last_modified=head.last_modified
            )

    def _read_grant(self, token: str, salt: str) -> dict[str, Any]:
        try:
            grant: dict[str, Any] = signing.loads(token, salt=salt)
        except signing.BadSignature as error:
            raise UploadRefusedError from error
        if grant["bucket"] != self._bucket or time.time() > grant["expires_at"]:
            raise UploadRefusedError
        return grant


class LocalReader:
    """The bytes of an open file."""

    def __init__(
        self, key: str, file: BinaryIO, info: FileInfo, *, offset: int, length: int | None
    ) -> None:
        stat = os.fstat(file.fileno())
        self._file = file
        self.info = info
        self._head = ObjectHead(
            key=key,
            size=stat.st_size,
            etag=info.etag,
            content_type=info.content_type,
            last_modified=datetime.fromtimestamp(stat.st_mtime, tz=UTC),
            sha256=info.sha256,
        )
        self.narrow(offset, length)

    @property
    def head(self) -> ObjectHead:
        """Return the metadata of the object."""
        return self._head

    def narrow(self, offset: int, length: int | None) -> None:
        """Read only `length` bytes from `offset`."""
        self._file.seek(offset)
        self._remaining = self._head.size - offset if length is None else length

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes of the object or range."""
        while self._remaining > 0:
            chunk = self._read()
            if not chunk:
                return
            self._remaining -= len(chunk)
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self.close()

    def _read(self) -> bytes:
        with translated_disk_errors():
            return self._file.read(min(CHUNK_BYTES, self._remaining))


def _require_length(grant: dict[str, Any], headers: Mapping[str, str]) -> int:
    """Reject a body whose declared length is not the signed one, before it is read."""
    declared = headers.get("content-length", "")
    if not _LENGTH.fullmatch(declared):
        raise LengthRequiredError
    length = int(declared)
    if length > MAX_FILE_SIZE:
        raise UploadTooLargeError
    if grant["size"] not in {None, length}:
        raise UploadRefusedError
    return length


def _require_headers(grant: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Reject a PUT without a signed header, or with another value."""
    signed = put_headers(
        content_type=grant["content_type"], sha256=grant["sha256"], write_once=grant["write_once"]
    )
    if any(headers.get(name.lower()) != value for name, value in signed.items()):
        raise UploadRefusedError


def _exactly(length: int, body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the body; reject one that is shorter or longer than declared."""
    received = 0
    for chunk in body:
        received += len(chunk)
        if received > length:
            raise UploadRefusedError
        yield chunk
    if received < length:
        raise UploadRefusedError
