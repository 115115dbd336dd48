"""Importing tables: the product compared with django-import-export and `psql`.

The database has no products at first, later those of the previous case. All importers must report
the same outcomes and store the same products; a difference stops the benchmark.
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
CASES = (NEW, CHANGED, UNCHANGED)  # in this order: a case starts with the products of the previous
TRUNCATE_SQL = "TRUNCATE catalog_product CASCADE; TRUNCATE bulkupload_bulkuploadjob CASCADE;"
RESET_RUN_SQL = "TRUNCATE bench_rejected; VACUUM ANALYZE catalog_product; CHECKPOINT;"
PRODUCTS_HASH_SQL = (
    f"SELECT md5(string_agg(md5(({', '.join(tables.FIELDS)})::text), '' ORDER BY sku))"
)


@dataclass
class Bench:
    """The runs of all importers over the same tables."""

    postgres: Postgres
    folder: Path
    rows: int
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, str] = field(default_factory=dict)

    def run_cases(self, importer: Importer, cases: tuple[str, ...] = CASES) -> None:
        """Import the table of each case once."""
        importer.prepare()
        self._sql(TRUNCATE_SQL)
        for case in cases:
            self._sql(RESET_RUN_SQL)
            run = importer.import_table(self._table(case))
            self._require_expected(importer, case, run)
            self.runs[importer.name, case].append(run)
            rate = self.rows / run.seconds
            console.print(f"  {importer.name}, {case}: {run.seconds:.2f} s, {rate:,.0f} rows/s")

    def warm_up_planner(self, importer: Importer) -> None:
        """Import once so that PostgreSQL has statistics of a filled table.

        With statistics of an empty table it reads all rows of an organization instead of looking
        up a thousand SKUs: django-import-export took five times as long.
        """
        self._sql(TRUNCATE_SQL)
        importer.import_table(self._table(NEW))
        self._sql(RESET_RUN_SQL)

    def _table(self, case: str) -> Path:
        path = self.folder / ("first.csv" if case == NEW else "changed.csv")
        if not path.exists():
            tables.write_table(path, rows=self.rows, changed=case != NEW)
        return path

    def _require_expected(self, importer: Importer, case: str, run: Run) -> None:
        invalid = tables.invalid_rows(self.rows)
        valid, changed = self.rows - invalid, tables.changed_rows(self.rows)
        counts = {
            NEW: (valid, 0, 0, invalid),
            CHANGED: (0, changed, valid - changed, invalid),
            UNCHANGED: (0, 0, valid, invalid),
        }
        expected = dict(zip(OUTCOMES, counts[case], strict=True))
        if not importer.detects_unchanged:
            expected["updated"] += expected.pop("unchanged")
            expected["unchanged"] = 0
        name = importer.name
        if run.outcomes != expected:
            message = f"{name}, {case}: {run.outcomes} instead of {expected}"
            raise AssertionError(message)
        stored = self._sql(f"{PRODUCTS_HASH_SQL} FROM catalog_product;")
        if self.stored.setdefault(case, stored) != stored:
            message = f"{name}, {case}: the stored products differ from those of other importers"
            raise AssertionError(message)

    def _sql(self, statements: str) -> str:
        return psql.run(self.postgres, statements)


def measure_imports(
    product: Product, *, rounds: int, rows: int, repeat_slow_importers: bool = False
) -> None:
    """Measure importing tables of `rows` rows, one in a hundred of them rejected.

    Slow importers run in the first round only, unless `repeat_slow_importers`.
    """
    with TemporaryDirectory(prefix="bench-") as folder:
        bench, all_importers = _prepare(product, Path(folder), rows=rows)
        for number in range(rounds):
            load = os.getloadavg()[0]
            console.print(f"round {number + 1} of {rounds}, load average {load:.1f}")
            for importer in all_importers:
                if number == 0 or repeat_slow_importers or not importer.slow:
                    bench.run_cases(importer)
    for case in CASES:
        _report(bench, case, [importer.name for importer in all_importers])


def measure_million_rows(product: Product) -> None:
    """Measure the memory of one worker that imports a million rows."""
    with TemporaryDirectory(prefix="bench-") as folder:
        bench, all_importers = _prepare(product, Path(folder), rows=MILLION)
        bench.run_cases(all_importers[0], (NEW,))
    _report(bench, NEW, [all_importers[0].name])


def _prepare(product: Product, folder: Path, *, rows: int) -> tuple[Bench, list[Importer]]:
    import django  # noqa: PLC0415  after the product has set the environment

    django.setup()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
    all_importers = importers(product, folder=folder)
    if product.stack.postgres is None:
        raise ValueError("this benchmark needs the embedded PostgreSQL")
    psql.run(product.stack.postgres, psql.CREATE_REJECTED_SQL)
    bench = Bench(postgres=product.stack.postgres, folder=folder, rows=rows)
    bench.warm_up_planner(all_importers[-1])  # psql, the fastest one
    return bench, all_importers


def _report(bench: Bench, case: str, names: list[str]) -> None:
    # `importers` returns the product with one process first, then with two.
    two_processes = names[min(1, len(names) - 1)]
    reference = _median(bench.runs[two_processes, case], "seconds")
    rows = []
    for name in names:
        runs = bench.runs[name, case]
        seconds = _median(runs, "seconds")
        rows.append(
            (
                name,
                len(runs),
                f"{bench.rows / seconds:,.0f}",
                _median(runs, "importer_cpu") / bench.rows * 1e6,
                _median(runs, "web_cpu") / bench.rows * 1e6,
                _median(runs, "database_cpu") / bench.rows * 1e6,
                _median(runs, "memory_growth") / MIB,
                seconds / reference,
            )
        )
    columns = ("importer", "runs", "rows/s", "CPU µs/row", "web", "PostgreSQL", "growth MiB")
    title = f"{bench.rows:,} rows, 1 % rejected, {case}, medians"
    show(title, (*columns, "time relative to 2 processes"), rows)


def _median(runs: list[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))
