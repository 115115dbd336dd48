"""The whole product as real processes: services, web, Celery worker and beat."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devstack.folders import CHECKOUT
from devstack.process.child import Child, DevstackError, ProcessEndedError, outcome, stop_all
from devstack.process.ports import LOOPBACK, free_port, is_listening, serves
from devstack.process.stop_signals import raise_if_stop_requested
from devstack.services.postgres import Postgres
from devstack.services.stack import Stack
from devstack.services.valkey import Valkey

LIVE_PATH = "/health/live"
PREPARE_SECONDS = 240


@dataclass(frozen=True)
class Person:
    """A user who can sign in."""

    email: str
    password: str = field(repr=False)


class Product:
    """One running product with its own stack.

    Every process can be stopped, killed and restarted separately; `stop` stops them all.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        settings: str,
        port: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.stack = stack
        self.port = _port_or_free(port)
        self.api = f"http://{LOOPBACK}:{self.port}"
        self.env = {
            **os.environ,
            **stack.env,
            "PUBLIC_BASE_URL": self.api,
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        self.logs = stack.paths.logs
        self.organization_id = ""
        self.users: dict[str, Person] = {}
        self.web = self._child("web", self._web_command())
        self.worker = self._child("worker", _worker_command(None), death_signal=signal.SIGQUIT)
        self.beat = self._child("beat", self._beat_command())

    @property
    def children(self) -> list[Child]:
        """All processes in the order in which to stop them."""
        return [self.beat, self.worker, self.web, *reversed(self.stack.children)]

    def start(self) -> None:
        """Start the services, prepare them, then start web, worker and beat."""
        try:
            self.restart_dead()
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Run the migrations, and create the buckets and the users."""
        command = (sys.executable, "-m", "devstack.prepare")
        output = self._run(*command, meanwhile=self.stack.require_alive)
        prepared = json.loads(output.splitlines()[-1])
        self.organization_id = prepared["organization_id"]
        self.users = {name: Person(**person) for name, person in prepared["users"].items()}

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        return self._run(sys.executable, "manage.py", *arguments)

    def start_worker(self, *, processes: int | None = None) -> None:
        """Start the Celery worker, by default with as many processes as the settings say."""
        self.worker.command = _worker_command(processes)
        self.worker.start()

    def stop_worker(self) -> None:
        """Ask the worker to finish its task and exit."""
        self.worker.stop()

    def kill_worker(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the worker with all its processes, by default SIGKILL."""
        if number == signal.SIGKILL:
            self.worker.kill()
        else:
            os.killpg(self.worker.pid, number)

    def start_beat(self) -> None:
        """Start the scheduler."""
        self.beat.start()

    def stop_broker(self, *, lose_data: bool = False) -> None:
        """Kill the broker; with `lose_data` also delete its data."""
        self._valkey.child.kill()
        if lose_data:
            self._valkey.forget()

    def start_broker(self) -> None:
        """Start the broker again, on the same address."""
        self._valkey.launch()
        self._valkey.wait_ready()

    def stop_database(self) -> None:
        """Stop PostgreSQL immediately, which closes all connections."""
        self._postgres.child.stop()

    def start_database(self) -> None:
        """Start PostgreSQL again, on the same address and data."""
        self._postgres.launch()
        self._postgres.wait_ready()

    def stop_store(self) -> None:
        """Kill the object store."""
        if self.stack.seaweed is not None:
            self.stack.seaweed.child.kill()

    def start_store(self) -> None:
        """Start the object store again, on the same address and data."""
        if self.stack.seaweed is not None:
            self.stack.seaweed.launch()
            self.stack.seaweed.wait_ready()

    def restart_dead(self) -> None:
        """Start every process that does not run, and wait until all are ready.

        Safe to call again after a `ProcessEndedError`.
        """
        self.stack.restart_dead()
        if not self.users:
            self.prepare()
        for child, start in (
            (self.web, self.web.start),
            (self.worker, self.start_worker),
            (self.beat, self.start_beat),
        ):
            if not child.is_alive:
                child.kill()  # reap it and end its descendants
                start()
        self.web.wait_until(self._is_ready)

    def require_alive(self) -> None:
        """Raise `ProcessEndedError` unless every process runs."""
        for child in self.children:
            child.require_alive()

    def stop(self) -> None:
        """Stop every process."""
        stop_all([self.beat, self.worker, self.web])
        self.stack.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def ready_summary(self) -> dict[str, Any]:
        """The content of the READY line: addresses and users."""
        return {
            "api": self.api,
            "s3_endpoint": self.env.get("S3_ENDPOINT_URL") if self._uses_s3 else None,
            "organization_id": self.organization_id,
            "users": {name: vars(person) for name, person in self.users.items()},
        }

    @property
    def _uses_s3(self) -> bool:
        return self.env["STORAGE"] != "local"

    @property
    def _valkey(self) -> Valkey:
        if self.stack.valkey is None:
            raise DevstackError("the broker is not an embedded one")
        return self.stack.valkey

    @property
    def _postgres(self) -> Postgres:
        if self.stack.postgres is None:
            raise DevstackError("the database is not an embedded one")
        return self.stack.postgres

    def _child(
        self, name: str, command: list[str | Path], *, death_signal: int = signal.SIGTERM
    ) -> Child:
        return Child(
            name=name,
            command=command,
            log=self.logs / f"{name}.log",
            env=self.env,
            cwd=CHECKOUT,
            death_signal=death_signal,
            inherits=self.stack.paths.locks,
        )

    def _web_command(self) -> list[str | Path]:
        return [
            *(sys.executable, "-m", "sartiq.server", "--host", LOOPBACK, "--port", str(self.port)),
            *("--workers", "2", "--stop-seconds", "4"),
        ]

    def _beat_command(self) -> list[str | Path]:
        schedule = self.stack.paths.data / "beat-schedule"
        return [
            *(sys.executable, "-m", "celery", "-A", "sartiq.celery", "beat"),
            *("--loglevel", "INFO", "--schedule", schedule, "--pidfile", ""),
        ]

    def _web_responds(self) -> bool:
        return serves(self.api + LIVE_PATH)

    def _is_ready(self) -> bool:
        self.require_alive()
        return self._web_responds()

    def _run(self, *command: str, meanwhile: Callable[[], None] = raise_if_stop_requested) -> str:
        name = " ".join(command[1:])
        try:
            result = outcome(
                command,
                env=self.env,
                cwd=CHECKOUT,
                captures=True,
                seconds=PREPARE_SECONDS,
                death_signal=signal.SIGKILL,
                meanwhile=meanwhile,
            )
        except subprocess.TimeoutExpired as error:
            raise DevstackError(f"{name} was not done after {error.timeout:g} s") from error
        if result.returncode:
            message = f"{name} failed:\n{result.stdout[-4000:]}{result.stderr[-4000:]}"
            if result.returncode == os.EX_CONFIG:
                raise DevstackError(message)
            raise ProcessEndedError(name, by_itself=result.returncode > 0, report=message)
        return result.stdout


def _port_or_free(port: int) -> int:
    if port and is_listening(port):
        message = f"port {port} is in use; set another one, or PORT=0 for any free port"
        raise DevstackError(message)
    return port or free_port()


def _worker_command(processes: int | None) -> list[str | Path]:
    concurrency = () if processes is None else ("--concurrency", str(processes))
    return [
        *(sys.executable, "-m", "celery", "-A", "sartiq.celery", "worker"),
        *("--pool", "prefork", *concurrency, "--loglevel", "INFO"),
        # No heartbeats: sending one to a lost broker would keep the worker from stopping.
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--hostname", "worker@%h"),
    ]
