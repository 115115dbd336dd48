"""Fixtures every test may use; `devstack.pytest_plugin` brings `stack` and `live_product`."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.loaders import Loader
from django.conf import settings
from django.test import TransactionTestCase
from kombu import Connection

from devstack.template_database import delete_all_rows, migrated_database
from sartiq.core.tests import lock_scopes
from sartiq.core.work.queues import QUEUES
from tests.bystander import Bystander
from tests.query_plans import PlanChecker, full_tables

# Apps whose tests begin the transaction that some functions expect of their callers.
WITH_CHECKED_LOCKS = ("accounts/", "bulkupload/", "catalog/", "exports/", "media/", "sartiq/")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    stack: dict[str, str],
) -> None:
    """Start PostgreSQL before pytest-django creates the test database.

    The workers of xdist copy one migrated database.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        template = migrated_database(os.environ["DATABASE_URL"])
        settings.DATABASES["default"]["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session", autouse=True)
def one_service_description() -> Iterator[None]:
    """Parse boto3's description of S3 only once, for the many tests that create clients."""
    loader = Loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _paths: loader)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_certificate_store() -> Iterator[None]:
    """Read the trusted certificates only once, for the many HTTP clients that tests create."""
    create = cache(httpx.create_ssl_context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", create)
        yield


@pytest.fixture(scope="session", autouse=True)
def delete_rows_after_transactional_tests() -> Iterator[None]:
    """Empty the database with DELETE instead of the slow `flush`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: delete_all_rows())
        yield


@pytest.fixture(scope="session")
def plan_checker(django_db_setup: None) -> Iterator[PlanChecker]:
    """Return the checker that finds queries without a usable index."""
    with full_tables() as full:
        yield PlanChecker(full)


@pytest.fixture(autouse=True)
def queries_use_indexes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which product code runs a query that no index can serve."""
    if not {"db", "transactional_db"}.intersection(request.fixturenames):
        yield
        return
    checker: PlanChecker = request.getfixturevalue("plan_checker")
    with checker.watching():
        yield


@pytest.fixture(autouse=True)
def row_locks_have_a_transaction(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which product code locks rows outside a transaction of its own."""
    uses_database = {"db", "transactional_db"}.intersection(request.fixturenames)
    if not (uses_database and request.node.nodeid.startswith(WITH_CHECKED_LOCKS)):
        yield
        return
    request.getfixturevalue("db")  # the transaction of the test begins before the check
    with lock_scopes.watching():
        yield


@pytest.fixture(scope="session")
def broker_client(stack: dict[str, str]) -> Iterator[Any]:
    """Return a client of the broker that sends its commands as they are."""
    with Connection(settings.BROKER_URL) as connection:
        channel: Any = connection.default_channel
        yield channel.client


@pytest.fixture(autouse=True)
def empty_queues(request: pytest.FixtureRequest) -> None:
    """Delete the messages that earlier tests have sent: no worker takes them."""
    if {"db", "transactional_db"}.intersection(request.fixturenames):
        client = request.getfixturevalue("broker_client")
        client.delete(*(queue.name for queue in QUEUES))


@pytest.fixture
def bystander(db: None) -> Iterator[Bystander]:
    """Rows of another organization; the test fails if it changes one of them."""
    rows = Bystander()
    yield rows
    rows.require_unchanged()
