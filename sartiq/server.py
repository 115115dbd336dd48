"""The web server (`python -m sartiq.server`): replaces every web process that dies."""

import argparse
import gc
import os
import re
import resource
import signal
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from granian._granian import ListenerSpec
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels, logger
from granian.server.mp import MPServer

from sartiq.core.work.gc_pause import paused_collection

TARGET = "sartiq.asgi:application"
# Of one process; further connections wait in the backlog. An idle connection costs little.
MAX_CONNECTIONS = 4096
IDLE_SECONDS = 30  # without a complete request head, as on an idle keep-alive connection
UNREAD_SECONDS = 20  # after which a client that does not read its response is disconnected
STEADY_SECONDS = 15.0  # a process that has run this long has started, even on a busy machine
RESTART_DELAY_SECONDS = 1.0  # after repeated early deaths
RESEND_SECONDS = 1.0  # after the first stop signal, before the second
MAX_PROCESSES = 64  # of one container
MAX_EARLY_DEATHS = 3  # per process on average; if no process is steady, the server gives up
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Supervisor(MPServer):
    """granian's supervisor, except that the death of one process never ends the others.

    granian itself stops all processes when one dies twice within 5.5 s.
    """

    early_deaths = 0

    @staticmethod
    def _spawn_asgi_worker(
        number: int, name: Any, load: Any, sockets: tuple[Any, Any], *others: Any
    ) -> None:
        # The inherited handlers of the parent do not stop a worker. Until granian sets the worker's
        # own handlers, a stop signal ends the process, also one that was sent before this line.
        for stop in STOP_SIGNALS:
            signal.signal(stop, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        (listener, _), shared = sockets
        sockets = (None, listening(listener)), shared
        MPServer._spawn_asgi_worker(number, name, load, sockets, *others)  # noqa: SLF001  a method of the base class

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        with _stop_signals_blocked():
            super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # untyped library

    def _respawn_workers(self, workers: Any, *others: Any, **options: Any) -> None:
        with _stop_signals_blocked():
            super()._respawn_workers(workers, *others, **options)

    def _stop_workers(self) -> None:
        # A process whose event loop is just starting may lose the signal. The base class sends it
        # again; a process that is already stopping ignores that.
        workers: list[Any] = self.wrks  # untyped library
        for worker in workers:
            worker.terminate()
        ends = time.monotonic() + RESEND_SECONDS
        for worker in workers:
            worker.join(max(0.0, ends - time.monotonic()))
        super()._stop_workers()  # type: ignore[no-untyped-call]  # untyped library

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        due: dict[int, float] = {}  # when to restart each process
        while not self.interrupt_signal:
            pause = max(0.0, min(due.values()) - time.monotonic()) if due else None
            self.main_loop_interrupt.wait(pause)
            self.main_loop_interrupt.clear()
            if self.reload_signal:
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # untyped library
            # A watcher of each process appends to this list, so replace it before reading.
            dead: list[int] = self.interrupt_children
            self.interrupt_children = []
            due |= {index: self._restart_time(index) for index in dead}
            if self._cannot_start(due):
                logger.error("No web process stays alive, exiting")
                self.interrupt_children = dead  # makes the exit code 1
                return
            ready = [index for index, at in due.items() if at <= time.monotonic()]
            due = {index: at for index, at in due.items() if index not in ready}
            if not self.interrupt_signal:
                self._respawn_workers(ready, spawn_target, target_loader)

    def _restart_time(self, index: int) -> float:
        now = time.monotonic()
        was_early = now - self.wrks[index].birth < STEADY_SECONDS
        self.early_deaths = self.early_deaths + 1 if was_early else 0
        return now + (RESTART_DELAY_SECONDS if self.early_deaths > self.workers else 0)

    def _cannot_start(self, dead: Collection[int]) -> bool:
        now = time.monotonic()
        is_steady = any(
            worker.idx not in dead and now - worker.birth > STEADY_SECONDS for worker in self.wrks
        )
        return self.early_deaths > MAX_EARLY_DEATHS * self.workers and not is_steady


@contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    """Delay stop signals: a process that is forked meanwhile gets its own when it unblocks them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def listening(listener: ListenerSpec) -> Any:
    """Return a listening socket whose connections end when the client stops reading.

    Connections inherit the option. granian itself would keep such a connection open forever.
    """
    sockets = listener.build()
    with socket.socket(fileno=os.dup(sockets.get_fd())) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    return sockets


def main() -> None:
    """Serve until a stop signal."""
    parser = argparse.ArgumentParser(prog="python -m sartiq.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument(
        "--workers",
        type=_processes,
        default=os.environ.get("GRANIAN_WORKERS") or "2",
        help="processes; GRANIAN_WORKERS is their default",
    )
    parser.add_argument("--stop-seconds", type=int, default=20, help="for requests to end")
    parser.add_argument("--log-level", default="info", choices=[level.value for level in LogLevels])
    options = parser.parse_args()
    _load_the_product()
    _allow_open_files()
    Supervisor(
        TARGET,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGINL,
        workers=options.workers,
        loop=Loops.uvloop,
        # HTTP/1 only: granian's automatic mode waits forever for the first bytes of a connection.
        http=HTTPModes.http1,
        websockets=False,
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
        workers_kill_timeout=options.stop_seconds,
        log_level=options.log_level,
    ).serve()


def _load_the_product() -> None:
    """Import the product before the processes are forked, so that each starts within a moment."""
    try:
        with paused_collection():
            from sartiq import wsgi  # noqa: F401, PLC0415  loads settings, models and routes
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
    gc.freeze()  # what was loaded is not garbage: no process looks at it, and so copies it, again


def _processes(text: str) -> int:
    return _bounded(text, minimum=1, maximum=MAX_PROCESSES)


def _port(text: str) -> int:
    return _bounded(text, minimum=1, maximum=65_535)


def _bounded(text: str, *, minimum: int, maximum: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
        message = f"{text!r} is not a whole number from {minimum} to {maximum}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _allow_open_files() -> None:
    """Raise the limit of open files to its maximum: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
