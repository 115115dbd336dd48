"""Importing tables: ours against django-import-export and `psql`, the same rows for all.

Every contestant begins with no product, or with all of them. What became of its rows is compared
with what must come out, and the stored products with everybody else's: a run that differs ends
the benchmark, since unequal work compares nothing.
"""

import logging
import os
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import tables
from benchmarks.baselines import psql
from benchmarks.baselines.importers import OUTCOMES, Importer, Run, importers
from benchmarks.report import console, show
from devstack.product import Product
from devstack.services.postgres import Postgres

MIB = 1024 * 1024
MILLION = 1_000_000
NEW, CHANGED, UNCHANGED = "all new", "all there, 10 % changed", "all there, none changed"
CASES = (NEW, CHANGED, UNCHANGED)  # each leaves the products the next one begins with
EMPTY = "TRUNCATE catalog_product CASCADE; TRUNCATE bulkupload_bulkuploadjob CASCADE;"
SETTLE = "TRUNCATE bench_refused; VACUUM ANALYZE catalog_product; CHECKPOINT;"
STORED = f"SELECT md5(string_agg(md5(({', '.join(tables.FIELDS)})::text), '' ORDER BY sku))"


@dataclass
class Bench:
    """The contestants, the tables they import, and what they took."""

    postgres: Postgres
    folder: Path
    rows: int
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, str] = field(default_factory=dict)

    def run_cases(self, importer: Importer, cases: tuple[str, ...] = CASES) -> None:
        """Let one contestant import the table of each case once."""
        importer.ready()
        self._sql(EMPTY)
        for case in cases:
            self._sql(SETTLE)
            run = importer.imports(self._table(case))
            self._require_equal(importer, case, run)
            self.runs[importer.name, case].append(run)
            rate = self.rows / run.seconds
            console.print(f"  {importer.name}, {case}: {run.seconds:.2f} s, {rate:,.0f} rows/s")

    def warm_up_planner(self, importer: Importer) -> None:
        """Let PostgreSQL see products once, so that it plans for everybody as in daily life.

        Of a table it has only known empty it reads all rows of an organization where it should
        look up a thousand SKUs: django-import-export took five times as long.
        """
        self._sql(EMPTY)
        importer.imports(self._table(NEW))
        self._sql(SETTLE)

    def _table(self, case: str) -> Path:
        path = self.folder / ("first.csv" if case == NEW else "changed.csv")
        if not path.exists():
            tables.write_table(path, rows=self.rows, changed=case != NEW)
        return path

    def _require_equal(self, importer: Importer, case: str, run: Run) -> None:
        bad = tables.bad_rows(self.rows)
        good, changed = self.rows - bad, tables.changed_rows(self.rows)
        counts = {
            NEW: (good, 0, 0, bad),
            CHANGED: (0, changed, good - changed, bad),
            UNCHANGED: (0, 0, good, bad),
        }
        expected = dict(zip(OUTCOMES, counts[case], strict=True))
        if not importer.skips:
            expected["updated"] += expected.pop("unchanged")
            expected["unchanged"] = 0
        name = importer.name
        if run.outcomes != expected:
            message = f"{name}, {case}: {run.outcomes} instead of {expected}"
            raise AssertionError(message)
        stored = self._sql(f"{STORED} FROM catalog_product;")
        if self.stored.setdefault(case, stored) != stored:
            message = f"{name}, {case}: stored other products than the others"
            raise AssertionError(message)

    def _sql(self, statements: str) -> str:
        return psql.run(self.postgres, statements)


def imports(product: Product, *, rounds: int, rows: int, patient: bool = False) -> None:
    """Measure importing tables of `rows` rows, a hundredth of them refused.

    Who takes minutes for a turn takes a single one, unless `patient`.
    """
    with TemporaryDirectory(prefix="bench-") as folder:
        bench, peers = _prepared(product, Path(folder), rows=rows)
        for run_cases in range(rounds):
            load = os.getloadavg()[0]
            console.print(f"round {run_cases + 1} of {rounds}, load average {load:.1f}")
            for peer in peers:
                if run_cases == 0 or patient or not peer.slow:
                    bench.run_cases(peer)
    for case in CASES:
        _report(bench, case, [peer.name for peer in peers])


def million(product: Product) -> None:
    """Measure the memory of one worker that imports a million rows."""
    with TemporaryDirectory(prefix="bench-") as folder:
        bench, peers = _prepared(product, Path(folder), rows=MILLION)
        bench.run_cases(peers[0], (NEW,))
    _report(bench, NEW, [peers[0].name])


def _prepared(product: Product, folder: Path, *, rows: int) -> tuple[Bench, list[Importer]]:
    import django  # noqa: PLC0415  after the product has set the environment

    django.setup()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every poll
    peers = importers(product, folder=folder)
    if product.stack.postgres is None:
        raise ValueError("this benchmark needs the embedded PostgreSQL")
    psql.run(product.stack.postgres, psql.REFUSED)
    bench = Bench(postgres=product.stack.postgres, folder=folder, rows=rows)
    bench.warm_up_planner(peers[-1])
    return bench, peers


def _report(bench: Bench, case: str, names: list[str]) -> None:
    shipped = names[min(1, len(names) - 1)]  # the worker with its two processes
    shipped_seconds = _median(bench.runs[shipped, case], "seconds")
    rows = []
    for name in names:
        runs = bench.runs[name, case]
        seconds = _median(runs, "seconds")
        rows.append(
            (
                name,
                len(runs),
                f"{bench.rows / seconds:,.0f}",
                _median(runs, "client_cpu") / bench.rows * 1e6,
                _median(runs, "web_cpu") / bench.rows * 1e6,
                _median(runs, "database_cpu") / bench.rows * 1e6,
                _median(runs, "growth") / MIB,
                seconds / shipped_seconds,
            )
        )
    columns = ("who", "runs", "rows/s", "CPU µs/row", "web's", "PostgreSQL's", "growth MiB")
    title = f"{bench.rows:,} rows, 1 % refused, {case}, medians"
    show(title, (*columns, f"{shipped} / it"), rows)


def _median(runs: list[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))
