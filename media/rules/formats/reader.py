import os
import struct
from typing import Any, BinaryIO

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.limits import MAX_WALK_STEPS


class Reader:
    """A cursor over a seekable file that cannot move beyond its end or read forever.

    Every read is one step. A file split into too many pieces is rejected when the steps are used
    up, so reading takes at most about a second for any file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self.position = file.seek(0)
        self._steps = 0

    @property
    def remaining(self) -> int:
        """Bytes between the cursor and the end of the file."""
        return self.size - self.position

    def take(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        data = self.take_up_to(count)
        if len(data) < count:
            raise FileTruncatedError
        return data

    def take_up_to(self, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end of the file."""
        self._steps += 1
        if self._steps > MAX_WALK_STEPS:
            raise FileCorruptError(
                "The file is split into too many pieces. Save it again and upload it."
            )
        data = self._file.read(count)
        self.position += len(data)
        return data

    def skip(self, count: int) -> None:
        """Move `count` bytes ahead, at most to the end of the file."""
        self.move_to(self.position + count)

    def move_to(self, position: int) -> None:
        """Move the cursor to an offset, at most to the end of the file."""
        if position > self.size:
            raise FileTruncatedError
        self.position = self._file.seek(position)


def unpack(layout: str, data: bytes, offset: int = 0) -> tuple[Any, ...]:
    """Unpack numbers; raise FileCorruptError if the data is too short."""
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise FileCorruptError from None
