"""Fixtures every test may use; `devstack.pytest_plugin` brings `stack` and `live_product`."""

import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    stack: dict[str, str],
) -> None:
    """Start PostgreSQL before pytest-django creates the test database."""
