"""Photos on this machine, in a folder or a ZIP, and their upload without a client."""

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from bulkupload.errors import NoPhotosError, UnreadableEntryError
from bulkupload.services.photos.batches import DeclaredPhoto, MatchedPhoto
from media.models import Upload
from media.rules.file_types import archives
from media.rules.file_types.content_types import FILE_TYPES
from media.rules.formats.reader import Reader
from media.storage import ObjectHeaders, ObjectStore
from sartiq.core import temporary_files

CONTENT_TYPES: Final = {
    **{kind.extension: kind.content_type for kind in FILE_TYPES.values() if kind.is_image},
    "jpeg": "image/jpeg",
}
MAX_UPLOADS: Final = 4  # at a time
BLOCK_BYTES: Final = 1024 * 1024
NOT_PHOTOS: Final = ("__MACOSX",)  # a folder that macOS adds to archives
ENCRYPTED: Final = 1  # a flag of a ZIP entry
UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # the compression method
)


@dataclass(frozen=True, kw_only=True)
class LocalPhoto:
    """A photo on this machine; `path` is relative to its folder or archive."""

    path: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    @property
    def content_type(self) -> str:
        """The content type by the extension, empty for another file."""
        return CONTENT_TYPES.get(PurePosixPath(self.path).suffix[1:].lower(), "")

    def declared(self) -> DeclaredPhoto:
        """Return the declaration without the hash, which needs the whole file."""
        return DeclaredPhoto(path=self.path, content_type=self.content_type, size=self.size)

    def declared_with_hash(self) -> DeclaredPhoto:
        """Return the declaration, with the hash, so that stored files are not uploaded again."""
        digest = hashlib.sha256()
        with self.open() as body:
            while block := body.read(BLOCK_BYTES):
                digest.update(block)
        return replace(self.declared(), sha256=digest.hexdigest())


@contextmanager
def local_files(source: Path) -> Iterator[list[LocalPhoto]]:
    """Yield the files of a folder or a ZIP by path, without hidden ones.

    Raises NoPhotosError if the source is neither, ContentError for a ZIP that is not safe, OSError.
    """
    if source.is_dir():
        yield sorted(_files_of_folder(source), key=lambda file: file.path)
        return
    with source.open("rb") as opened:
        if not zipfile.is_zipfile(opened):
            raise NoPhotosError
        opened.seek(0)
        archives.require_complete(Reader(opened))
        opened.seek(0)
        with zipfile.ZipFile(opened) as archive:
            yield sorted(_files_of_zip(archive), key=lambda file: file.path)


def upload(
    store: ObjectStore,
    photos: Sequence[MatchedPhoto],
    files: dict[str, LocalPhoto],
    *,
    on_upload: Callable[[], None],
) -> None:
    """Upload those photos that have tickets; raises StoreUnavailableError and OSError."""
    tickets = {row.ticket.upload_id: row.photo.path for row in photos if row.ticket}
    uploads = Upload.objects.filter(pk__in=tickets).values_list("pk", "key", "content_type")
    jobs = [(key, content_type, files[tickets[pk]]) for pk, key, content_type in uploads]
    with ThreadPoolExecutor(max_workers=MAX_UPLOADS) as pool:
        for _ in pool.map(partial(_put, store), jobs):
            on_upload()


def _put(store: ObjectStore, job: tuple[str, str, LocalPhoto]) -> None:
    key, content_type, file = job
    # A file that is seekable, which the entries of a ZIP are only slowly.
    with file.open() as source, temporary_files.nameless_file() as copy:
        while block := source.read(BLOCK_BYTES):
            copy.write(block)
        copy.seek(0)
        store.put(key, copy, headers=ObjectHeaders(content_type=content_type))


def _files_of_folder(folder: Path) -> Iterator[LocalPhoto]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not _is_hidden(name):
            yield LocalPhoto(
                path=name,
                size=path.stat().st_size,
                open=cast("Callable[[], IO[bytes]]", partial(path.open, "rb")),
            )


def _files_of_zip(archive: zipfile.ZipFile) -> Iterator[LocalPhoto]:
    for entry in archive.infolist():
        name = entry.filename.replace("\\", "/")
        if not entry.is_dir() and not _is_hidden(name):
            yield LocalPhoto(path=name, size=entry.file_size, open=partial(_entry, archive, entry))


@contextmanager
def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open an entry; raises UnreadableEntryError, also while it is read."""
    message = f"{entry.filename}: {UnreadableEntryError.message}"
    if entry.flag_bits & ENCRYPTED:
        raise UnreadableEntryError(message)
    try:
        with archive.open(entry) as body:
            yield body
    except UNREADABLE as error:
        raise UnreadableEntryError(message) from error


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in NOT_PHOTOS for part in parts)
