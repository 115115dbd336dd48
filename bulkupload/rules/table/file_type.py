"""The type of a file by its first bytes."""

import zipfile
from typing import BinaryIO

from bulkupload.errors import EmptyFileError, NotATableError, TableTooLargeError
from bulkupload.rules.limits import MAX_FILE_BYTES
from bulkupload.rules.table.dialects import EncodingScan, FileFormat
from bulkupload.rules.table.header import ERROR_COLUMNS

ZIP = b"PK\x03\x04"
# Old Office files, PDF, archives, images and programs; no text begins with these bytes.
_SIGNATURES = (
    *(b"\xd0\xcf\x11\xe0", b"%PDF-", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8"),
    *(b"RIFF", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x7fELF", b"MZ\x90", b"SQLite"),
    *(b"PAR1", b"PK\x05\x06", b"{\\rtf"),
)
_MARKUP = ("<!doctype", "<html", "<?xml")  # compared in lower case
WORKBOOK_PART = "xl/workbook.xml"
_WORKBOOK = {"[content_types].xml", WORKBOOK_PART}
_CONTROL_CHARACTERS = [bytes([code]) for code in (*range(9), *range(14, 26), *range(28, 32))]
_HEAD_BYTES = 8192


def format_of(body: BinaryIO, size: int) -> FileFormat:
    """Return the format of a file; raise NotATableError if it is not a table."""
    if size == 0:
        raise EmptyFileError
    if size > MAX_FILE_BYTES:
        raise TableTooLargeError
    body.seek(0)
    head = body.read(_HEAD_BYTES)
    if head.startswith(ZIP):
        _require_workbook(body)
        return "xlsx"
    if head.lstrip().startswith(_SIGNATURES) or not _is_text(head):
        raise NotATableError
    return "csv"


def part_name(name: str) -> str:
    """Return a part's name in a normal form: some programs write capitals and backslashes."""
    return name.replace("\\", "/").strip("/").lower()


def _require_workbook(body: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(body) as archive:
            names = {part_name(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        # zipfile raises NotImplementedError for features of ZIP that it lacks.
        raise NotATableError from None
    if not names >= _WORKBOOK:
        raise NotATableError


def _is_text(head: bytes) -> bool:
    """Whether this may be the text of a table: not markup, and with few control characters."""
    scan = EncodingScan()
    scan.feed(head)
    dialect = scan.result()
    text = head[dialect.bom :].decode(dialect.encoding, "replace")
    if text.lstrip().lower().startswith(_MARKUP):
        return False
    # UTF-16 is full of zero bytes, and all rows of an error file may have such characters.
    if dialect.encoding.startswith("utf-16") or all(name in text for name in ERROR_COLUMNS):
        return True
    return sum(map(head.count, _CONTROL_CHARACTERS)) <= max(4, len(head) // 50)
