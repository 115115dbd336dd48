"""Our end of the decoder, and the turns its users take."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from media.errors import DecodeLimitError
from sartiq.core.child_process import BoundedChild, ChildDiedError

_LOCK_NAMES = 64
_decoder = BoundedChild(
    "media.services.decoder_child",
    environment={"VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"},
)


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """Have one request done, alone among the processes of this worker."""
    with _turn():
        try:
            return _decoder.ask(request)
        except ChildDiedError:
            raise DecodeLimitError from None


def stop() -> None:
    """End this process's decoder, if it has one; the next request starts another."""
    _decoder.stop()


def running_pid() -> int | None:
    """Return the process id of this process's decoder, if it has one."""
    return _decoder.running_pid()


def lock_path(parent_pid: int) -> Path:
    """Return the file the children of one Celery worker take turns by.

    The names are few, so they do not fill the folder; two workers that share one share the turns.
    """
    name = f"sartiq-decoder-{os.getuid()}-{parent_pid % _LOCK_NAMES}.lock"
    return Path(tempfile.gettempdir()) / name


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no sibling decodes. The lock goes with a process that dies."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(lock_path(os.getppid()), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
