"""Download and check of one stored object: its SHA-256, and whether it is of its declared type."""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from media.errors import FileEmptyError, FileTooLargeError, PreconditionFailedError
from media.rules import limits
from media.rules.file_types import content_types, image_header, structure
from media.storage import ObjectHead, ObjectStore
from sartiq.core import temporary_files
from sartiq.core.work.crash_points import crash_point

MAX_BYTES_IN_MEMORY: Final = 2 * limits.MIB  # a larger object is downloaded to a temporary file

ChunkCallback = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class ExaminedObject:
    """The properties of a checked object; `content_hash` is its SHA-256 in hex."""

    key: str
    etag: str
    size: int
    content_hash: str
    content_type: str
    width: int | None
    height: int | None


@contextmanager
def examined_file(
    store: ObjectStore,
    head: ObjectHead,
    *,
    content_type: str,
    on_chunk: ChunkCallback,
    content_hash: str | None = None,
) -> Iterator[tuple[ExaminedObject, str]]:
    """Do what `examine` does, and yield the properties and a path to the bytes.

    Raises PreconditionFailedError also when the bytes do not have the given `content_hash`.
    """
    with temporary_files.named_file() as opened:
        file = cast("BinaryIO", opened)
        properties = _examine(
            store,
            head,
            file,
            content_type=content_type,
            on_chunk=on_chunk,
            content_hash=content_hash,
        )
        yield properties, opened.name


def examine(
    store: ObjectStore, head: ObjectHead, *, content_type: str, on_chunk: ChunkCallback
) -> ExaminedObject:
    """Download the object version that `head` describes and return its properties.

    `on_chunk` is called after every chunk and may raise to stop the download. Raises ContentError
    when the bytes are rejected, ObjectNotFoundError or PreconditionFailedError when the object is
    missing or was replaced.
    """
    small = head.size <= MAX_BYTES_IN_MEMORY
    with io.BytesIO() if small else temporary_files.nameless_file() as file:
        return _examine(store, head, file, content_type=content_type, on_chunk=on_chunk)


def require_size(head: ObjectHead) -> None:
    """Reject an empty or too large object before reading it."""
    if head.size < limits.MIN_FILE_SIZE:
        raise FileEmptyError
    if head.size > limits.MAX_FILE_SIZE:
        raise FileTooLargeError(ctx={"max_file_size": limits.MAX_FILE_SIZE, "size": head.size})


def _examine(
    store: ObjectStore,
    head: ObjectHead,
    file: BinaryIO,
    *,
    content_type: str,
    on_chunk: ChunkCallback,
    content_hash: str | None = None,
) -> ExaminedObject:
    require_size(head)
    digest = _download(store, head, into=file, on_chunk=on_chunk)
    if content_hash not in {None, digest}:  # an ETag may be an MD5, which other bytes can share
        raise PreconditionFailedError
    crash_point("object-downloaded")
    width, height = _check(file, content_type)
    crash_point("object-checked")
    return ExaminedObject(
        key=head.key,
        etag=head.etag,
        size=head.size,
        content_hash=digest,
        content_type=content_type,
        width=width,
        height=height,
    )


def _download(
    store: ObjectStore, head: ObjectHead, *, into: BinaryIO, on_chunk: ChunkCallback
) -> str:
    digest = hashlib.sha256()
    with store.open(head.key, if_match=head.etag) as chunks:
        for chunk in chunks:
            on_chunk()
            digest.update(chunk)
            into.write(chunk)
            crash_point("object-chunk-read")
    into.flush()
    return digest.hexdigest()


def _check(file: BinaryIO, content_type: str) -> tuple[int | None, int | None]:
    structure.require_complete(file, content_type)
    if not content_types.FILE_TYPES[content_type].is_image:
        return None, None
    header = image_header.measure(file, content_type)
    image_header.require_within_limits(header)
    return header.width, header.height
