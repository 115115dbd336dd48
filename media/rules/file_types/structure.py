"""Structural checks of files: complete and of the declared type, without decoding."""

from collections.abc import Callable
from typing import BinaryIO

from media.errors import FileEmptyError, FileTooLargeError
from media.rules.file_types import archives, foreign_types
from media.rules.file_types.signatures import SNIFF_BYTES, sniff
from media.rules.formats import avif, gif, isobmff, jpeg, mp3, pdf, png, webp
from media.rules.formats.reader import Reader
from media.rules.limits import MAX_FILE_SIZE

_ZIP = "application/zip"
_CHECKS: dict[str, Callable[[Reader], None]] = {
    "image/jpeg": jpeg.require_complete,
    "image/png": png.require_complete,
    "image/gif": gif.require_complete,
    "image/webp": webp.require_complete,
    "image/avif": avif.require_complete,
    "video/mp4": isobmff.require_video,
    "audio/mpeg": mp3.require_complete,
    "application/pdf": pdf.require_complete,
    _ZIP: archives.require_complete,
}


def require_complete(file: BinaryIO, content_type: str) -> None:
    """Reject a file that is empty, too large, of another type, cut off or damaged."""
    reader = Reader(file)
    if not reader.size:
        raise FileEmptyError
    if reader.size > MAX_FILE_SIZE:
        raise FileTooLargeError
    detected = _detect(reader, content_type)
    if detected != content_type:
        raise foreign_types.mismatch(declared=content_type, detected=detected)
    reader.move_to(0)
    _CHECKS[content_type](reader)


def _detect(reader: Reader, declared: str) -> str | None:
    """Return the type of the bytes; a document or program stored as ZIP has its own type."""
    detected = sniff(reader.take_up_to(SNIFF_BYTES))
    if detected == _ZIP:
        return archives.foreign_type(reader) or _ZIP
    # A few bytes before an archive are ignored, as Info-ZIP does.
    if declared == _ZIP and detected in {None, "text/plain"} and archives.is_archive(reader):
        return archives.foreign_type(reader) or _ZIP
    return detected
