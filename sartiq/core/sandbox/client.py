"""The client of a sandboxed child: one running server per process, replaced when it dies."""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]
_GRACE_SECONDS = 5.0  # for the server to start, or to report a time limit


class ChildDiedError(Exception):
    """Raised when a child ends without a reply; a new one may succeed."""


class _Server:
    """A running server (`sartiq.core.sandbox.server`) and the two pipes to it."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            # -P: modules in the current directory must not shadow the standard library.
            [sys.executable, "-P", "-B", "-m", module],
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self.pid = self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise ChildDiedError
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            line = _read_line(self._process.stdout.fileno(), time.monotonic() + seconds)
        except (BrokenPipeError, ValueError):
            raise ChildDiedError from None
        return dict(json.loads(line))

    def stop(self) -> None:
        """Kill the server; its fork, if any, dies with it."""
        self.close_pipes()
        self._process.kill()
        self._process.wait()

    def close_pipes(self) -> None:
        """Close our ends of the pipes. The server ends once all copies are closed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def forget_inherited(self) -> None:
        """Close the inherited pipes of the parent process after a fork."""
        self.close_pipes()
        self._process.returncode = 0  # not a child of this process, so it cannot be waited for


class BoundedChild:
    """The server process that belongs to the current process; a forked process starts its own.

    `module` is run as a script and calls `sartiq.core.sandbox.server.serve`.
    """

    def __init__(self, module: str, *, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._environment = dict(environment or {})
        self._server: _Server | None = None
        self._one_at_a_time = threading.Lock()
        os.register_at_fork(after_in_child=self._forget_after_fork)
        atexit.register(self._stop_server)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one request; if the server dies, send the request once more to a new one.

        Raises `ChildDiedError` if that one dies too.
        """
        seconds = request["wall_seconds"] + _GRACE_SECONDS
        with self._one_at_a_time:
            try:
                return self._ask_current(request, seconds=seconds)
            except ChildDiedError:  # it may have been killed while idle
                return self._ask_current(request, seconds=seconds)

    def stop(self) -> None:
        """End the server, if there is one; the next request starts another."""
        with self._one_at_a_time:
            self._stop_server()

    def running_pid(self) -> int | None:
        """Return the process id of the server, if there is one."""
        return self._server.pid if self._server is not None else None

    def _ask_current(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send a request; discard the server on any error, as its reply may be unread."""
        try:
            return self._current().ask(request, seconds=seconds)
        except BaseException:
            self._stop_server()
            raise

    def _current(self) -> _Server:
        if self._server is None or not self._server.is_running():
            self._stop_server()
            self._server = _Server(self._module, self._environment)
        return self._server

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _forget_after_fork(self) -> None:
        """Close inherited pipes, so that the parent's server notices when its parent exits."""
        self._one_at_a_time = threading.Lock()  # another thread may have held the old one
        if self._server is not None:
            self._server.forget_inherited()
            self._server = None


def _read_line(source: int, deadline: float) -> bytes:
    """Return one line; raise ChildDiedError at the deadline."""
    line = b""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while not line.endswith(b"\n"):
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise ChildDiedError
        part = os.read(source, 64 * 1024)
        if not part:
            raise ChildDiedError
        line += part
    return line
