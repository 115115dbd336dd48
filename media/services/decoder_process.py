"""Our end of the decoder: one warm child per process, replaced when it dies."""

import atexit
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from media.errors import DecodeLimitError

_SCRIPT = Path(__file__).with_name("decoder_child.py")
_GRACE_SECONDS = 5.0  # for the child to notice a wall limit, or to start
_LOCK_NAMES = 64
_one_at_a_time = threading.Lock()


class DecoderDiedError(Exception):
    """Raised when the decoder ends without an answer; a fresh one may give it."""


class DecoderProcess:
    """A running `decoder_child.py` and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own script under our own interpreter
            # -P: the script's folder must not shadow the standard library.
            [sys.executable, "-P", "-B", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self.pid = self._process.pid

    def is_running(self) -> bool:
        """Whether the child has not ended."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send one request and return its reply."""
        if self._process.stdin is None or self._process.stdout is None:
            raise DecoderDiedError
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            line = _read_line(self._process.stdout.fileno(), time.monotonic() + seconds)
        except (BrokenPipeError, ValueError):
            raise DecoderDiedError from None
        return dict(json.loads(line))

    def stop(self) -> None:
        """End the child; the fork it may be waiting for dies with it."""
        self.let_go()
        self._process.kill()
        self._process.wait()

    def let_go(self) -> None:
        """Close our ends of the pipes. The child ends once nobody holds them."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Current:
    """The decoder of this very process; a forked process starts without one."""

    process: DecoderProcess | None = None

    @classmethod
    def get(cls) -> DecoderProcess:
        if cls.process is None or not cls.process.is_running():
            cls.drop()
            cls.process = DecoderProcess()
        return cls.process

    @classmethod
    def drop(cls) -> None:
        if cls.process is not None:
            cls.process.stop()
            cls.process = None

    @classmethod
    def forget_after_fork(cls) -> None:
        """Close the inherited pipe ends, so the parent's decoder still sees its parent go."""
        global _one_at_a_time  # noqa: PLW0603 - it may be held by a thread that was not forked
        _one_at_a_time = threading.Lock()
        if cls.process is not None:
            cls.process.let_go()
            cls.process._process.returncode = 0  # noqa: SLF001 - not ours to wait for
            cls.process = None


os.register_at_fork(after_in_child=_Current.forget_after_fork)
atexit.register(_Current.drop)


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """Have one request done, alone among the processes of this worker."""
    seconds = request["wall_seconds"] + _GRACE_SECONDS
    with _one_at_a_time, _turn():
        try:
            return _ask_current(request, seconds=seconds)
        except DecoderDiedError:  # killed while idle, perhaps; a fresh one tells
            pass
        try:
            return _ask_current(request, seconds=seconds)
        except DecoderDiedError:
            raise DecodeLimitError from None


def _ask_current(request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """Ask, and never keep a child whose answer was not read: a task's time limit may strike."""
    try:
        return _Current.get().ask(request, seconds=seconds)
    except BaseException:
        _Current.drop()
        raise


def stop() -> None:
    """End this process's decoder, if it has one; the next request starts another."""
    with _one_at_a_time:
        _Current.drop()


def running_pid() -> int | None:
    """Return the process id of this process's decoder, if it has one."""
    return _Current.process.pid if _Current.process is not None else None


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


def _read_line(source: int, deadline: float) -> bytes:
    """Read one line before the deadline, past which the child is taken for dead."""
    line = b""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise DecoderDiedError
        part = os.read(source, 64 * 1024)
        if not part:
            raise DecoderDiedError
        line += part
    return line
