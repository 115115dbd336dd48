"""Objects as plain files, written atomically, each with its metadata in another file.

The name of a metadata file contains the key, modification time and size of the bytes it describes,
so replacing an object is one rename and a reader never combines new bytes with old metadata. A file
that was copied into the folder is an object too, with metadata derived from its name.
"""

import errno
import fcntl
import hashlib
import json
import mimetypes
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

from media.errors import ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError
from media.rules.keys import is_storable
from sartiq.core import temporary_files

CHUNK_BYTES: Final = 256 * 1024
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """The metadata of one object; `sha256` is None for a file that was copied into the folder."""

    etag: str
    content_type: str
    cache_control: str | None = None
    content_disposition: str | None = None
    sha256: str | None = None


class Folder:
    """One bucket on disk."""

    def __init__(self, root: Path, bucket: str) -> None:
        self._objects = root / bucket
        self._metadata = root / ".metadata" / bucket
        self._incoming = root / ".incoming"

    def create(self) -> bool:
        """Create the folders; return whether they were missing."""
        is_missing = not self._objects.is_dir()
        for folder in (self._objects, self._metadata, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        return is_missing

    def write(
        self,
        key: str,
        chunks: Iterable[bytes],
        info_of: Callable[[str], FileInfo],
        *,
        write_once: bool = False,
    ) -> None:
        """Store all of `chunks`, or nothing if they or `info_of` raise.

        `info_of` is called with the SHA-256 of the bytes and returns their metadata.
        """
        with translated_disk_errors():
            self.create()
            descriptor, name = tempfile.mkstemp(dir=temporary_files.process_folder(self._incoming))
        incoming = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                info = info_of(_write_chunks(chunks, file))
            with translated_disk_errors():
                self._publish(key, incoming, info, write_once=write_once)
        finally:
            incoming.unlink(missing_ok=True)

    def open(self, key: str) -> tuple[BinaryIO, FileInfo]:
        """Open an object and its own metadata."""
        if not is_storable(key):
            raise ObjectNotFoundError
        path = self._objects / key
        with translated_disk_errors():
            while True:
                file = path.open("rb")
                info = self._read_metadata(key, os.fstat(file.fileno()))
                if info is not None:
                    return file, info
                if _stamp(os.fstat(file.fileno())) == _stamp(path.stat()):
                    return file, _derived_info(path, os.fstat(file.fileno()))
                file.close()  # replaced between the two reads

    def remove(self, key: str) -> None:
        """Remove an object if it is there."""
        if not is_storable(key):
            return
        with self._locked():
            try:
                (self._objects / key).unlink()
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
            self._remove_metadata(key, except_for=None)

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """Yield the keys under `prefix` and later than `after`, in byte order."""
        yield from _walk(self._objects, "", prefix, after)

    def _publish(self, key: str, incoming: Path, info: FileInfo, *, write_once: bool) -> None:
        now = time.time_ns()  # the file system's clock is too coarse to distinguish writes
        os.utime(incoming, ns=(now, now))
        target = self._objects / key
        metadata_path = self._metadata_path(key, _stamp(incoming.stat()))
        with self._locked():
            if write_once and target.exists():
                raise PreconditionFailedError
            for folder in (target.parent, metadata_path.parent):
                folder.mkdir(parents=True, exist_ok=True)
            _write_durably(metadata_path, json.dumps(asdict(info)).encode())
            incoming.replace(target)
            _sync_folder(target.parent)
            self._remove_metadata(key, except_for=metadata_path)

    def _metadata_path(self, key: str, stamp: str) -> Path:
        return self._metadata / f"{key}@{stamp}.json"

    def _read_metadata(self, key: str, stat: os.stat_result) -> FileInfo | None:
        try:
            return FileInfo(**json.loads(self._metadata_path(key, _stamp(stat)).read_bytes()))
        except FileNotFoundError:
            return None

    def _remove_metadata(self, key: str, *, except_for: Path | None) -> None:
        parent, _, name = f"/{key}".rpartition("/")
        folder = self._metadata / parent.lstrip("/")
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                is_metadata = entry.name.rpartition("@")[0] == name
                if is_metadata and (except_for is None or entry.name != except_for.name):
                    Path(entry.path).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Allow one writer at a time to replace an object; the bytes have been written before."""
        self.create()
        with (self._incoming / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextmanager
def translated_disk_errors() -> Iterator[None]:
    """Translate disk errors into store errors."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT:
            raise ObjectNotFoundError from error
        raise StoreUnavailableError from error


def _write_chunks(chunks: Iterable[bytes], target: BinaryIO) -> str:
    """Write the chunks and return their SHA-256; errors of their source are not translated."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        with translated_disk_errors():
            target.write(chunk)
    with translated_disk_errors():
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _derived_info(path: Path, stat: os.stat_result) -> FileInfo:
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileInfo(etag=_stamp(stat), content_type=content_type)


def _walk(folder: Path, base: str, prefix: str, after: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except FileNotFoundError:
        return
    by_name = [(entry.name + "/" * entry.is_dir(), entry) for entry in entries]
    for name, entry in sorted(by_name, key=lambda pair: pair[0]):
        key = base + name
        if entry.is_dir():
            inside = key.startswith(prefix) or prefix.startswith(key)
            if inside and (key > after or after.startswith(key)):
                yield from _walk(Path(entry.path), key, prefix, after)
        elif key.startswith(prefix) and key > after:
            yield key
