"""What the processes hold between two pieces of work."""

import subprocess

import pytest

from devstack.product import Product
from tests.flow.bulk import finished_job, require_exact, start, table
from tests.flow.studio import Studio

pytestmark = pytest.mark.flow

CHUNKS = 10  # of such a table, seven rows each; with the plan eleven tasks
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


def sessions(product: Product) -> int:
    """Return how many connections there ever were; asking makes one more."""
    assert product.stack.postgres is not None
    command = [*product.stack.postgres.psql, "--tuples-only", "--no-align", "--command", SESSIONS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def import_products(studio: Studio, mark: str) -> None:
    job = finished_job(studio, start(studio, table(mark)).headers["location"])
    require_exact(studio, job, mark)


def test_a_worker_keeps_its_connection_between_tasks(studio: Studio, product: Product) -> None:
    for mark in ("WARM-A", "WARM-B"):  # every thread of the web process has its own
        import_products(studio, mark)
    before = sessions(product)

    import_products(studio, "KEPT")

    assert sessions(product) - before < CHUNKS
