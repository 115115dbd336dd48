"""Processes keep their database connections between tasks."""

import subprocess

import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient
from tests.flow.bulk import finished_job, require_imported, start, table

pytestmark = pytest.mark.flow

CHUNKS = 10  # of the imported table, with seven rows each; planning them is one more task
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


def sessions(running_product: Product) -> int:
    """Return the number of connections made so far, including the one for this query."""
    assert running_product.stack.postgres is not None
    command = [
        *running_product.stack.postgres.psql,
        "--tuples-only",
        "--no-align",
        "--command",
        SESSIONS,
    ]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(result.stdout)


def import_products(api_client: ApiClient, prefix: str) -> None:
    job = finished_job(api_client, start(api_client, table(prefix)).headers["location"])
    require_imported(api_client, job, prefix)


def test_a_worker_keeps_its_connection_between_tasks(
    api_client: ApiClient, running_product: Product
) -> None:
    for prefix in ("WARM-A", "WARM-B"):  # so that every web thread has its connection
        import_products(api_client, prefix)
    before = sessions(running_product)

    import_products(api_client, "KEPT")

    assert sessions(running_product) - before < CHUNKS
