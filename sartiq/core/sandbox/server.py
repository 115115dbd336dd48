"""The server in a sandboxed child: it forks for every request, sets limits and sends the reply.

It uses the standard library only, so the child imports its decoder but none of our code. Each fork
sets hard limits before it reads a byte, writes one line of JSON and exits; its memory, and any
damage by a hostile file, are gone with it. The server reads one request per line from standard
input and exits when its parent closes it or dies.

A request carries its limits: `address_space`, `cpu_seconds`, `wall_seconds` and, if it may write,
`file_size`. A failure detected by the server itself is `limit` or `crashed`.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_MAX_OPEN_FILES = 64
_MAX_REPLY = 64 * 1024

Message = dict[str, Any]
Attempt = Callable[[Message], Message]


def serve(attempt: Attempt) -> None:
    """Handle requests until standard input ends."""
    for line in iter(sys.stdin.buffer.readline, b""):
        reply = json.dumps(_supervise(attempt, json.loads(line))).encode() + b"\n"
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()


def ignore_interrupts() -> None:
    """Ignore Ctrl-C: the parent ends this process. Call it before slow imports."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- In the fork ------------------------------------------------------------------------------
def _confine(request: Message) -> None:
    """Set the limits of a request."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    file_size = request.get("file_size", 0)
    for kind, soft, hard in (
        (resource.RLIMIT_AS, request["address_space"], request["address_space"]),
        (resource.RLIMIT_CPU, request["cpu_seconds"], request["cpu_seconds"] + 1),
        (resource.RLIMIT_FSIZE, file_size, file_size),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES, _MAX_OPEN_FILES),
    ):
        resource.setrlimit(kind, (soft, hard))


def _run_fork(attempt: Attempt, request: Message, reply_to: int) -> NoReturn:
    """Do the work under limits, send the reply, and exit without clean-up."""
    try:
        devnull = os.open(os.devnull, os.O_RDWR)
        os.dup2(devnull, 0)
        os.dup2(devnull, 1)
        _confine(request)
        os.write(reply_to, json.dumps(attempt(request)).encode())
    finally:
        os._exit(0)


# --- In the server ----------------------------------------------------------------------------
def _supervise(attempt: Attempt, request: Message) -> Message:
    """Fork for one request, and return its reply or the reason for a missing one."""
    reply_from, reply_to = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reply_from)
        _run_fork(attempt, request, reply_to)
    os.close(reply_to)
    try:
        raw = _receive(reply_from, deadline=time.monotonic() + request["wall_seconds"])
    finally:
        os.close(reply_from)
        os.kill(pid, signal.SIGKILL)  # if it has not ended yet
        status = os.waitpid(pid, 0)[1]
    if raw is None:
        return {"fault": "limit"}
    try:
        return dict(json.loads(raw))
    except ValueError:
        return {"fault": _cause_of_death(status), "why": f"wait status {status}"}


def _receive(source: int, *, deadline: float) -> bytes | None:
    """Read until the fork ends; return None at the deadline. Exit if the parent is gone."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    poll.register(0, 0)  # reports only the hang-up
    parts: list[bytes] = []
    while (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining * 1000):
            if descriptor == 0:
                sys.exit(0)
            part = os.read(source, _MAX_REPLY)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None


def _cause_of_death(status: int) -> str:
    """Return `limit` for a fork that a limit ended, `crashed` for any other."""
    limit_signals = {signal.SIGXCPU, signal.SIGKILL}
    return "limit" if os.WIFSIGNALED(status) and os.WTERMSIG(status) in limit_signals else "crashed"
