"""Holders of leases: UUIDs that name the host and the process, so that dead ones can be found.

A holder consists of 44 bits for the host, 22 for the process id, 30 for the time the process
started, and 32 random bits. The host is the machine since its last start, its host name and its PID
namespace; so a process in another container is never taken for a dead one of this container.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

RANDOM_BITS: Final = 32
START_BITS: Final = 30
PID_BITS: Final = 22  # the largest process id of Linux is 2**22
HOST_SHIFT: Final = RANDOM_BITS + START_BITS + PID_BITS
START_FIELD: Final = 19  # in /proc/PID/stat, after the name: clock ticks since the machine started
ENDED: Final = frozenset({"Z", "X"})


def new_holder() -> UUID:
    """Return a holder of this process, different in each call."""
    return holder_of(os.getpid(), _own_start(os.getpid()))


def holder_of(pid: int, started: int) -> UUID:
    """Return a holder of the process of this host with this id and start time."""
    number = _host()
    for value, bits in ((pid, PID_BITS), (started, START_BITS), (secrets.randbits(32), 32)):
        number = number << bits | value % (1 << bits)
    return UUID(int=number)


def holders_of_host() -> tuple[UUID, UUID]:
    """Return the smallest and the largest holder that a process of this host can have."""
    first = _host() << HOST_SHIFT
    return UUID(int=first), UUID(int=first | (1 << HOST_SHIFT) - 1)


def dead_among(holders: Iterable[UUID]) -> set[UUID]:
    """Return the holders whose process of this host has ended."""
    return {holder for holder in holders if _is_of_host(holder) and not _is_running(holder)}


def start_time(pid: int) -> int | None:
    """Return when a process of this host started; None if it has ended or is hidden from us."""
    try:
        # The name may contain spaces and parentheses; the state follows the last parenthesis.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in ENDED else int(fields[START_FIELD - 1])


def _is_of_host(holder: UUID) -> bool:
    return holder.int >> HOST_SHIFT == _host()


def _is_running(holder: UUID) -> bool:
    pid = holder.int >> RANDOM_BITS + START_BITS & (1 << PID_BITS) - 1
    started = start_time(pid)
    if started is None:
        return _is_hidden(pid)
    return started % (1 << START_BITS) == _start_in(holder)


def _is_hidden(pid: int) -> bool:
    """Return whether another user's process runs that /proc does not show (`hidepid`)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return False  # our own: it has ended, and its parent has not noticed yet


def _start_in(holder: UUID) -> int:
    return holder.int >> RANDOM_BITS & (1 << START_BITS) - 1


@lru_cache(maxsize=1)
def _own_start(pid: int) -> int:
    return start_time(pid) or 0


@lru_cache(maxsize=1)
def _host() -> int:
    """Return the number of this host: random where there is no /proc, so that no process is found.

    Then leases of dead processes expire.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return secrets.randbits(128 - HOST_SHIFT)
    identity = f"{boot} {namespace} {socket.gethostname()}".encode()
    return int.from_bytes(hashlib.sha256(identity).digest()[:16]) >> HOST_SHIFT
