"""The memory budget for decoding, shared by all processes of a host (`docs/design/decoding.md`).

The budget, `DECODE_MEMORY_BYTES` (sartiq/settings/environment.py), is a file of slots of 16 MiB. A
decode locks one byte for each slot it needs. The kernel releases the locks of a process that ends
or is killed.
"""

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from django.conf import settings

from media.rules.decode_costs import DecodeCost
from media.rules.limits import MIB
from sartiq.core import temporary_files

SLOT_BYTES: Final = 16 * MIB
RETRY_DELAY: Final = 0.05  # seconds
FILE_NAME: Final = "decode-memory"
# Offsets of the bytes that are locked, in the file.
_LARGEST, _WAITING, _FIRST_SLOT = 0, 1, 2
_FIRST_OWNER_BYTE, _OWNER_BYTES = 1 << 20, 1 << 16
_FLOCK = "hhqqi4x"  # struct flock: kind, whence, start, length, process


class Share:
    """Locks on a part of the budget, released by `close` or the end of the process."""

    def __init__(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(temporary_files.root() / FILE_NAME, flags, 0o600)

    def lock(self, byte: int) -> bool:
        """Lock one byte if it is free; return whether it was."""
        try:
            self._control(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, byte)
        except BlockingIOError:
            return False
        return True

    def wait_for(self, byte: int) -> None:
        """Lock one byte once it is free."""
        self._control(fcntl.F_OFD_SETLKW, fcntl.F_WRLCK, byte)

    def unlock(self, byte: int) -> None:
        """Unlock one byte."""
        self._control(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, byte)

    def close(self) -> None:
        """Release all locks."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _control(self, command: int, kind: int, byte: int) -> None:
        fcntl.fcntl(self._file, command, struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0))


def take(cost: DecodeCost, *, owner: str) -> Share | None:
    """Return a share for one decode, or None if it cannot start now.

    A slow decode that is the first of its owner waits here for memory: it locks slots as other
    processes release them, while small decodes use the remaining slots.
    """
    share = Share()
    try:
        if _lock_exclusive(share, cost, owner) and _lock_slots(share, cost):
            return share
    except BaseException:
        share.close()
        raise
    share.close()
    return None


@contextmanager
def wait_for_share(cost: DecodeCost, *, owner: str) -> Iterator[Share]:
    """Wait for a share and hold it inside the block."""
    pause = threading.Event()
    while (share := take(cost, owner=owner)) is None:
        pause.wait(RETRY_DELAY)
    with share:
        yield share


def _lock_exclusive(share: Share, cost: DecodeCost, owner: str) -> bool:
    """Allow one slow file per owner, and one of the largest files per host, at a time."""
    owner_byte = _FIRST_OWNER_BYTE + zlib.crc32(owner.encode()) % _OWNER_BYTES
    if cost.is_slow and not share.lock(owner_byte):
        return False
    return not cost.is_largest or share.lock(_LARGEST)


def _lock_slots(share: Share, cost: DecodeCost) -> bool:
    total = settings.DECODE_MEMORY_BYTES // SLOT_BYTES
    needed = min(-(-cost.memory // SLOT_BYTES), total)
    slots = range(_FIRST_SLOT, _FIRST_SLOT + total)
    if not share.lock(_WAITING):  # the lower slots are for the process that waits for memory
        return not cost.is_slow and _lock_free(share, slots[total // 4 * 3 :], needed)
    is_locked = _lock_free(share, slots, needed)
    if not is_locked and cost.is_slow:
        for slot in slots[:needed]:
            share.wait_for(slot)
        is_locked = True
    share.unlock(_WAITING)
    return is_locked


def _lock_free(share: Share, slots: range, needed: int) -> bool:
    """Lock `needed` free slots, the upper ones first, or none."""
    locked: list[int] = []
    for slot in reversed(slots):
        if len(locked) == needed:
            break
        if share.lock(slot):
            locked.append(slot)
    if len(locked) == needed:
        return True
    for slot in locked:
        share.unlock(slot)
    return False
