import re

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.reader import Reader
from media.rules.limits import KIB

SIGNATURE = b"%PDF-"
MAX_LEADING_BYTES = KIB  # readers look for the signature up to here
_END = b"%%EOF"
_TAIL_BYTES = 64 * KIB
_PADDING = b"\x00\t\n\f\r\x1a "
_INDEX = re.compile(rb"startxref\s+(\d{1,12})\s")


def require_complete(reader: Reader) -> None:
    """Require the signature, the end mark near the end, and an index inside the file.

    A byte order mark, a newline or junk may precede the signature, and padding of any length or a
    little other data may follow the end mark: readers search for both.
    """
    if SIGNATURE not in reader.take_up_to(MAX_LEADING_BYTES + len(SIGNATURE)):
        raise FileCorruptError
    tail = _tail(reader)
    end = tail.rfind(_END)
    if end < 0:
        raise FileTruncatedError
    indices = _INDEX.findall(tail, 0, end)
    # In a file optimised for the web, an end mark near the start has the index 0: the real end is
    # missing.
    if (
        not indices
        or int(indices[-1]) >= reader.size
        or (not int(indices[-1]) and end < len(tail) - KIB)
    ):
        raise FileCorruptError


def _tail(reader: Reader) -> bytes:
    """Return the last bytes before any padding."""
    end = reader.size
    while end:
        start = max(0, end - _TAIL_BYTES)
        reader.move_to(start)
        tail = reader.take(end - start).rstrip(_PADDING)
        if tail:
            end = start + len(tail)
            break
        end = start
    start = max(0, end - _TAIL_BYTES)
    reader.move_to(start)
    return reader.take(end - start)
