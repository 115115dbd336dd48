"""Processes keep their database connections between tasks."""

import subprocess

import pytest

from devstack.product import Product
from tests.flow.bulk import finished_job, require_imported, start, table
from tests.flow.studio import Studio

pytestmark = pytest.mark.flow

CHUNKS = 10  # of the imported table, with seven rows each; planning them is one more task
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


def sessions(product: Product) -> int:
    """Return the number of connections made so far, including the one for this query."""
    assert product.stack.postgres is not None
    command = [*product.stack.postgres.psql, "--tuples-only", "--no-align", "--command", SESSIONS]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(result.stdout)


def import_products(studio: Studio, prefix: str) -> None:
    job = finished_job(studio, start(studio, table(prefix)).headers["location"])
    require_imported(studio, job, prefix)


def test_a_worker_keeps_its_connection_between_tasks(studio: Studio, product: Product) -> None:
    for prefix in ("WARM-A", "WARM-B"):  # so that every web thread has its connection
        import_products(studio, prefix)
    before = sessions(product)

    import_products(studio, "KEPT")

    assert sessions(product) - before < CHUNKS
