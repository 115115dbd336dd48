"""Fixtures every test may use; `devstack.pytest_plugin` brings `stack` and `live_product`."""

from collections.abc import Iterator

import pytest

from tests.query_plans import PlanChecker, full_tables


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    stack: dict[str, str],
) -> None:
    """Start PostgreSQL before pytest-django creates the test database."""


@pytest.fixture(scope="session")
def plan_checker(django_db_setup: None) -> Iterator[PlanChecker]:
    """Return what finds queries that no index serves."""
    with full_tables() as full:
        yield PlanChecker(full)


@pytest.fixture(autouse=True)
def queries_use_indexes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which product code asks the database what no index can answer."""
    if not {"db", "transactional_db"}.intersection(request.fixturenames):
        yield
        return
    checker: PlanChecker = request.getfixturevalue("plan_checker")
    with checker.watching():
        yield
