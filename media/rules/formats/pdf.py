import re

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.reader import Reader
from media.rules.limits import KIB

SIGNATURE = b"%PDF-"
_END = b"%%EOF"
_TAIL = 2 * KIB  # readers look for the end in the last 1,024 bytes
_INDEX = re.compile(rb"startxref\s+(\d{1,12})\s")


def require_complete(reader: Reader) -> None:
    """Require the signature, the end mark near the end, and an index that lies in the file."""
    if reader.take(len(SIGNATURE)) != SIGNATURE:
        raise FileCorruptError
    reader.move_to(max(0, reader.size - _TAIL))
    tail = reader.take_up_to(_TAIL)
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end > KIB + len(_END):
        raise FileTruncatedError
    indices = _INDEX.findall(tail, 0, end)
    if not indices or int(indices[-1]) >= reader.size:
        raise FileCorruptError
