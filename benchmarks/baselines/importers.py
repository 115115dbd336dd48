"""The importers that `benchmarks.bulk` compares: the product, django-import-export and psql."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import tables, usage
from benchmarks.baselines import psql
from devstack.folders import CHECKOUT
from devstack.product import Product
from devstack.services.postgres import Postgres
from tests.flow.api_client import ApiClient

OUTCOMES = ("created", "updated", "unchanged", "failed")
ENDED = {"completed", "completed_with_errors", "failed", "cancelled"}
POLL_SECONDS = 0.05
STABLE_SECONDS = 1.0  # memory that is the same after this time is at rest
MAX_SECONDS = 900.0  # of one import


@dataclass(frozen=True, kw_only=True)
class Run:
    """The figures of one import: CPU seconds of each side, and bytes its memory has grown by."""

    seconds: float
    importer_cpu: float
    web_cpu: float = 0.0
    database_cpu: float
    memory_growth: int
    outcomes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Importer:
    """One program that imports tables; `prepare` is called before each run and is not measured.

    If it does not detect unchanged rows, it counts them as updated. A slow one runs only once.
    """

    name: str
    import_table: Callable[[Path], Run]
    prepare: Callable[[], None]
    detects_unchanged: bool = True
    slow: bool = False


def importers(product: Product, *, folder: Path) -> list[Importer]:
    """Return all importers."""
    postgres = product.stack.postgres
    if postgres is None:
        raise ValueError("this benchmark needs the embedded PostgreSQL")
    owner = _owner(product)
    return [
        _ProductImporter(product=product, postgres=postgres, processes=1, folder=folder).importer(),
        _ProductImporter(product=product, postgres=postgres, processes=2, folder=folder).importer(),
        *(
            Importer(
                name=f"django-import-export, {variant}",
                import_table=partial(_import_export, product, postgres, variant),
                prepare=lambda: None,
                detects_unchanged=variant != "tuned",
                slow=True,
            )
            # described in `benchmarks.baselines.import_export`
            for variant in ("tuned", "skipping", "rewritten")
        ),
        Importer(
            name="psql COPY and merge",
            import_table=lambda table: _psql(postgres, table, owner),
            prepare=lambda: None,
        ),
    ]


@dataclass(kw_only=True)
class _ProductImporter:
    """The product with a number of worker processes; `idle` is their memory at rest."""

    product: Product
    postgres: Postgres
    processes: int
    folder: Path
    idle: int = 0

    def importer(self) -> Importer:
        plural = "s" if self.processes > 1 else ""
        name = f"sartiq, {self.processes} worker{plural}"
        return Importer(name=name, import_table=self.import_table, prepare=self.start)

    def start(self) -> None:
        """Restart the worker and let each of its processes run a task."""
        worker = self.product.worker
        self.product.stop_worker()
        self.product.start_worker(processes=self.processes)
        worker.wait_until(lambda: len(usage.tree_of(worker.pid)) > self.processes)
        self.idle = _idle_memory(worker.pid)
        table = self.folder / "warm-up.csv"
        tables.write_table(table, rows=100)
        with ApiClient.member(self.product) as api_client:
            for location in [_send(api_client, table) for _ in range(4 * self.processes)]:
                _wait_for_end(api_client, location)

    def import_table(self, table: Path) -> Run:
        """Send the table and wait until its job has ended."""
        worker_pid = self.product.worker.pid
        pids = (worker_pid, self.product.web.pid, self.postgres.child.pid)
        with ApiClient.member(self.product) as api_client:
            usage.reset_peak(worker_pid)
            before = [usage.cpu_seconds(pid) for pid in pids]
            with _timed() as seconds:
                job = _wait_for_end(api_client, _send(api_client, table))
        worker_cpu, web_cpu, database_cpu = [
            usage.cpu_seconds(pid) - start for pid, start in zip(pids, before, strict=True)
        ]
        return Run(
            seconds=seconds(),
            importer_cpu=worker_cpu,
            web_cpu=web_cpu,
            database_cpu=database_cpu,
            memory_growth=usage.peak_bytes(worker_pid) - self.idle,
            outcomes={name: job[name] for name in OUTCOMES},
        )


def _idle_memory(pid: int) -> int:
    """Return the resident bytes of a process tree once they no longer change."""
    before, memory = -1, usage.resident_bytes(pid)
    while memory != before:
        time.sleep(STABLE_SECONDS)
        before, memory = memory, usage.resident_bytes(pid)
    return memory


def _send(api_client: ApiClient, table: Path) -> str:
    with table.open("rb") as body:
        response = api_client.http.post(
            "/bulk-upload/",
            files={"file": (table.name, body, "text/csv")},
            data=api_client.owner_parameters,
        )
    response.raise_for_status()
    return response.headers["location"]


def _wait_for_end(api_client: ApiClient, location: str) -> dict[str, Any]:
    """Return the job at this URL once it has ended."""
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        job: dict[str, Any] = api_client.http.get(location).json()
        if job["status"] in ENDED:
            return job
        if time.monotonic() > deadline:
            raise TimeoutError(job)
        time.sleep(POLL_SECONDS)


def _import_export(product: Product, postgres: Postgres, variant: str, table: Path) -> Run:
    """Run django-import-export in its own process, which measures itself once it has started."""
    server = postgres.child.pid
    arguments = [variant, str(table), product.organization_id, product.users["member"].email]
    database_cpu_before = usage.cpu_seconds(server)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.baselines.import_export", *arguments],
        env=product.env,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    return Run(
        seconds=report["seconds"],
        importer_cpu=report["cpu"],
        database_cpu=usage.cpu_seconds(server) - database_cpu_before,
        memory_growth=report["growth"],
        outcomes={name: report[name] for name in OUTCOMES},
    )


def _psql(postgres: Postgres, table: Path, owner: psql.Owner) -> Run:
    """Run psql; its CPU time is the increase in that of this process's finished children."""
    server = postgres.child.pid
    before, database_cpu_before = os.times(), usage.cpu_seconds(server)
    with _timed() as seconds:
        counts = psql.counts(postgres, psql.script(table, owner))
    after = os.times()
    outcomes = {name: counts.get(name, 0) for name in ("created", "updated", "failed")}
    return Run(
        seconds=seconds(),
        importer_cpu=_children_cpu(after) - _children_cpu(before),
        database_cpu=usage.cpu_seconds(server) - database_cpu_before,
        memory_growth=0,
        outcomes=outcomes | {"unchanged": counts["rows"] - sum(outcomes.values())},
    )


def _children_cpu(times: os.times_result) -> float:
    return times.children_user + times.children_system


def _owner(product: Product) -> psql.Owner:
    from accounts.models import User  # noqa: PLC0415  Django is ready only now

    user = User.objects.get(email=product.users["member"].email)
    return psql.Owner(user_id=str(user.pk), organization_id=product.organization_id)


@contextmanager
def _timed() -> Iterator[Callable[[], float]]:
    """Measure the `with` block; yield a function that returns its seconds afterwards."""
    started = time.perf_counter()
    seconds = 0.0
    yield lambda: seconds
    seconds = time.perf_counter() - started
