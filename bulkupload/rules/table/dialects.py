"""The dialect of a table: its encoding, its delimiter, its line endings."""

import codecs
import csv
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, Literal

from bulkupload.rules.table.encodings import SINGLE_BYTE, UTF8, guess_encoding
from bulkupload.rules.table.header import FieldMapping
from bulkupload.rules.table.header_search import HEADER_ROWS, find_header

DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE: Final = 64 * 1024  # characters from which the delimiter is detected
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATOR_LINE: Final = "sep="  # Excel reads the delimiter from such a line before the header

FileFormat = Literal["csv", "xlsx"]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The encoding and the CSV dialect of a table; `bom` is the length of its byte order mark.

    `is_broken` means that some bytes are not valid UTF-8. `confidence` in the encoding is from 0 to
    1; it is 1 if the file or its sender states the encoding.
    """

    format: FileFormat = "csv"
    encoding: str = UTF8
    confidence: float = 1.0
    delimiter: str = ","
    line_ending: str = "\r\n"
    bom: int = 0
    is_broken: bool = False

    @property
    def errors(self) -> str:
        """The codec's error handler, which preserves invalid bytes: only their rows are refused."""
        return "surrogatepass" if self.encoding.startswith("utf-16") else "surrogateescape"

    @property
    def mark(self) -> bytes:
        """The byte order mark with which a file in this dialect begins."""
        marks = {encoding: mark for mark, encoding in _BYTE_ORDER_MARKS}
        return marks[self.encoding] if self.bom else b""

    def size_of(self) -> Callable[[str], int]:
        """Return a function that counts the bytes of a text in this encoding."""
        if self.encoding in SINGLE_BYTE:
            return len
        encoding, errors = self.encoding, self.errors

        def size(text: str) -> int:
            if text.isascii() and not encoding.startswith("utf-16"):
                return len(text)
            return len(text.encode(encoding, errors))

        return size

    def encode(self, text: str) -> bytes:
        """Return a text in the encoding of the table; characters outside it become `?`."""
        try:
            return text.encode(self.encoding, self.errors)
        except UnicodeEncodeError:
            return text.encode(self.encoding, "replace")

    def as_dict(self) -> dict[str, Any]:
        """Return the dialect as a job stores it."""
        return asdict(self)


class EncodingScan:
    """Detects the encoding of a file from all of its bytes, read once.

    A byte order mark takes precedence, then the encoding that the sender has `declared`. Otherwise
    the file counts as UTF-8, unless most of its bytes beyond ASCII are invalid UTF-8. If only a few
    are invalid, only their rows are refused.
    """

    def __init__(self, *, declared: str = "") -> None:
        self._declared = declared
        self._head = b""
        self._non_ascii_lines = b""
        self._decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
        self._valid_non_ascii = 0
        self._invalid = 0

    def feed(self, data: bytes) -> None:
        """Scan the next bytes."""
        self._head += data[: max(0, SAMPLE - len(self._head))]
        if data.isascii() and not self._decoder.getstate()[0]:
            return
        if len(self._non_ascii_lines) < SAMPLE:
            lines = [line for line in data.split(b"\n") if not line.isascii()]
            self._non_ascii_lines += b"\n".join([*lines, b""])[:SAMPLE]
        self._count(self._decoder.decode(data))

    def _count(self, text: str) -> None:
        non_ascii = len(text) - len(text.encode("ascii", "ignore"))
        invalid = len(text) - len(text.encode(UTF8, "ignore").decode(UTF8)) if non_ascii else 0
        self._invalid += invalid
        self._valid_non_ascii += non_ascii - invalid

    def result(self) -> Dialect:
        """Return a dialect with the encoding, the byte order mark and whether bytes are invalid."""
        for mark, encoding in _BYTE_ORDER_MARKS:
            if self._head.startswith(mark):
                return Dialect(encoding=encoding, bom=len(mark))
        unmarked = _unmarked_utf16(self._head)
        if unmarked:
            return Dialect(encoding=unmarked)
        if self._declared not in {"", UTF8}:
            return Dialect(encoding=self._declared)
        self._count(self._decoder.decode(b"", final=True))  # a truncated character at the end
        if self._invalid > self._valid_non_ascii and not self._declared:
            guess = guess_encoding(self._non_ascii_lines)
            return Dialect(encoding=guess.encoding, confidence=guess.confidence)
        return Dialect(is_broken=self._invalid > 0)


def _unmarked_utf16(head: bytes) -> str | None:
    """Return the encoding of UTF-16 text without a byte order mark, None for other texts.

    In an ASCII character the high byte is zero; only a few characters, like U+4E00, have a zero low
    byte.
    """
    even, odd = head[0::2].count(0), head[1::2].count(0)
    min_zeros = len(head) // 2 * 0.4
    if odd > min_zeros and even * 8 < odd:
        return "utf-16-le"
    if even > min_zeros and odd * 8 < even:
        return "utf-16-be"
    return None


def detect_delimiter(sample: str, mapping: FieldMapping) -> str:
    """Return the delimiter of a `sep=` line, or else the one with most fields in the header."""
    first = sample.lstrip("\r\n").splitlines()[:1]
    if first and is_separator_line(first[0]):
        # Stripping the line also strips a tab that is the delimiter.
        return first[0].strip()[len(_SEPARATOR_LINE) :] or "\t"
    scored = [(_score(sample, delimiter, mapping), -at) for at, delimiter in enumerate(DELIMITERS)]
    return DELIMITERS[-max(scored)[1]]


def is_separator_line(line: str) -> bool:
    """Whether a line is Excel's `sep=` line, which states the delimiter."""
    text = line.strip("\r\n ").lower()
    return text.startswith(_SEPARATOR_LINE) and text[len(_SEPARATOR_LINE) :] in DELIMITERS


def _score(sample: str, delimiter: str, mapping: FieldMapping) -> tuple[int, int]:
    sample_rows: list[list[str]] = []
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    with suppress(csv.Error):
        sample_rows.extend(row for row in islice(rows, HEADER_ROWS) if any(map(str.strip, row)))
    header = find_header(enumerate(sample_rows), mapping)
    return (header.fields, len(header.cells)) if header else (0, 0)


def detect_line_ending(sample: str) -> str:
    """Return the line ending of the first line, or CRLF if there is none."""
    at = min((sample.find(end) for end in "\r\n" if end in sample), default=-1)
    if at < 0:
        return "\r\n"
    return "\r\n" if sample[at : at + 2] == "\r\n" else sample[at]
