"""Child processes of the launcher: started, awaited and stopped by pid."""

import contextlib
import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypedDict

from devstack.process.proc_table import family, group, is_running
from devstack.process.stop_signals import raise_if_stop_requested

STOP_SECONDS = 5.0  # for a process to stop before it is killed
READY_SECONDS = 60.0  # for a process to become ready
POLL_SECONDS = 0.02  # between two looks at a condition
CHECK_SECONDS = 0.1  # between two checks of a command that runs
PR_SET_PDEATHSIG = 1  # from Linux's <sys/prctl.h>

_libc = ctypes.CDLL(None)


class DevstackError(Exception):
    """Raised when a part of the stack fails; the message says which and why."""


class ProcessEndedError(DevstackError):
    """Raised when a process ends unexpectedly or unsuccessfully."""

    def __init__(self, name: str, *, by_itself: bool, report: str) -> None:
        super().__init__(report)
        self.name = name
        self.by_itself = by_itself  # False if a signal killed it


@dataclass(frozen=True)
class Account:
    """The unprivileged user a service runs as when the launcher is root."""

    uid: int
    gid: int


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def identity(account: Account | None) -> _Identity:
    """Return the arguments that make `subprocess` run a command as `account`."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def die_with_parent(number: int) -> None:
    """Let Linux send this process the signal `number` when its parent ends."""
    if sys.platform == "linux":
        if number != signal.SIGKILL:
            # Background processes of a shell ignore SIGINT and SIGQUIT.
            signal.signal(number, signal.SIG_DFL)
        _libc.prctl(PR_SET_PDEATHSIG, number)


def became_true(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll `condition` and return whether it came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_until(ready: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Poll `ready` until it is true, or raise `DevstackError` after `seconds`."""
    if not became_true(ready, seconds=seconds):
        message = f"{what} was not ready after {seconds:g} s"
        raise DevstackError(message)


@dataclass(kw_only=True)
class Child:
    """One process of the stack, with its own process group and log."""

    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int | None = None
    inherits: Sequence[int] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        if self._process is None:
            message = f"{self.name} is not running"
            raise DevstackError(message)
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs (a process that ended but was not yet stopped does not)."""
        return self._process is not None and self._end_of(self._process) is None

    def start(self) -> None:
        """Start the process and return at once."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.env),
                cwd=self.cwd,
                process_group=0,  # Ctrl-C reaches only the launcher, which stops all
                pass_fds=tuple(self.inherits),
                preexec_fn=partial(  # noqa: PLW1509  one system call that takes no lock
                    die_with_parent, self.death_signal or self.stop_signal
                ),
                **identity(self.account),
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = READY_SECONDS) -> None:
        """Poll `ready`; if the process ends or is too slow, raise an error with its last output."""

        def ready_and_alive() -> bool:
            self.require_alive()
            return ready()

        if not became_true(ready_and_alive, seconds=seconds):
            raise DevstackError(self.report(f"was not ready after {seconds:g} s"))

    def require_alive(self) -> None:
        """Raise `ProcessEndedError`, with the log's end, unless the process runs."""
        end = None if self.is_alive else self._process and self._end_of(self._process)
        raise_if_stop_requested()  # the signal may have reached the process too
        if not self.is_alive:
            report = self.report("ended unexpectedly")
            raise ProcessEndedError(self.name, by_itself=end == os.CLD_EXITED, report=report)

    def send(self, number: int) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid, number)

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Stop the process; after `seconds` kill it and all processes it started."""
        stop_all([self], seconds=seconds)

    def kill(self) -> None:
        """Kill the process and all processes it started, and wait until none is running."""
        process, self._process = self._process, None
        if process is None:
            return
        # The leader is reaped only below, so the group's id cannot have been reused. Children of
        # PostgreSQL have their own groups.
        started = family(process.pid) | group(process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        _kill_each(started)
        process.wait()
        became_true(lambda: not any(map(is_running, started)), seconds=STOP_SECONDS)

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        if not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def report(self, what: str) -> str:
        """Return what happened to the process, with the end of its log."""
        return f"{self.name} {what}; the end of {self.log}:\n{self.tail()}"

    def ask_to_stop(self) -> None:
        """Send the process its stop signal; one that is suspended acts on it when it goes on."""
        if self.is_alive:
            self.send(self.stop_signal)
            self.send(signal.SIGCONT)

    @staticmethod
    def _end_of(process: subprocess.Popen[bytes]) -> int | None:
        """Return how the process ended, such as `os.CLD_EXITED`, or `None` while it runs."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT  # check without reaping
        end = os.waitid(os.P_PID, process.pid, flags)
        return None if end is None else end.si_code


def outcome(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    death_signal: int,
    cwd: Path | None = None,
    captures: bool = False,
    seconds: float = math.inf,
    meanwhile: Callable[[], None] = raise_if_stop_requested,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; return its exit code and, with `captures`, its output.

    Raises `subprocess.TimeoutExpired` after `seconds`. `meanwhile` is called several times a
    second; if it raises, the command is ended.
    """
    output = subprocess.PIPE if captures else None
    with subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdout=output,
        stderr=output,
        text=True,
        process_group=0 if captures else None,  # Ctrl-C only reaches interactive commands
        preexec_fn=partial(die_with_parent, death_signal),  # noqa: PLW1509  see Child.start
    ) as process:
        try:
            stdout, stderr = _wait_for(process, seconds, meanwhile)
        except BaseException:
            _end(process, death_signal)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _wait_for(
    process: subprocess.Popen[str], seconds: float, meanwhile: Callable[[], None]
) -> tuple[str, str]:
    deadline = time.monotonic() + seconds
    while True:
        raise_if_stop_requested()
        meanwhile()
        try:
            outputs = process.communicate(timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(process.args, seconds) from None
        else:
            raise_if_stop_requested()  # Ctrl-C stops the command and the launcher
            meanwhile()
            return outputs


def _end(process: subprocess.Popen[str], number: int) -> None:
    """Stop a command; kill it if it does not stop in time, and then all processes it started."""
    started = family(process.pid)
    process.send_signal(number)
    became_true(lambda: process.poll() is not None, seconds=STOP_SECONDS)
    started |= family(process.pid) if process.returncode is None else set()
    process.kill()
    _kill_each(started)


def _kill_each(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def stop_all(children: Sequence[Child], *, seconds: float = STOP_SECONDS) -> None:
    """Stop all processes; after `seconds` kill those still running, and all they started."""
    for child in children:
        child.ask_to_stop()
    became_true(lambda: not any(child.is_alive for child in children), seconds=seconds)
    for child in children:
        child.kill()
