"""A request that creates a row is retried after a deadlock at commit, and creates one row."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.tests.factories import UserFactory, client_of
from catalog.models import Product
from sartiq.core.models import IdempotencyKey

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = "/api/v1/products/"
SHOE = {"name": "Shoe", "sku": "S-1"}
KEY = {"Idempotency-Key": "k-1"}

TRIGGER = """
CREATE SEQUENCE deadlock_commits;
CREATE FUNCTION deadlock_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('deadlock_commits') <= {times} THEN
        RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER deadlock_at_commit AFTER INSERT ON catalog_product
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deadlock_at_commit();
"""
CLEANUP = """
DROP TRIGGER IF EXISTS deadlock_at_commit ON catalog_product;
DROP FUNCTION IF EXISTS deadlock_at_commit();
DROP SEQUENCE IF EXISTS deadlock_commits;
"""


def execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.fixture
def deadlock_commits() -> Iterator[Callable[[int], None]]:
    """Return a function that makes the next commits of a new product fail with a deadlock."""
    yield lambda times: execute(TRIGGER.format(times=times))
    execute(CLEANUP)


@pytest.fixture
def client() -> APIClient:
    client = client_of(UserFactory.create())
    client.raise_request_exception = False
    return client


def test_the_response_is_saved_by_the_attempt_that_commits(
    client: APIClient, deadlock_commits: Callable[[int], None]
) -> None:
    deadlock_commits(2)

    create_response = client.post(PRODUCTS, SHOE, headers=KEY)

    assert create_response.status_code == 201
    assert str(Product.objects.get().pk) == create_response.json()["id"]
    replayed_response = client.post(PRODUCTS, SHOE, headers=KEY)
    assert (replayed_response.status_code, replayed_response.json()) == (
        201,
        create_response.json(),
    )
    assert replayed_response.headers["Idempotent-Replayed"] == "true"


def test_a_503_after_three_deadlocks_frees_the_key(
    client: APIClient, deadlock_commits: Callable[[int], None]
) -> None:
    deadlock_commits(3)

    refused_response = client.post(PRODUCTS, SHOE, headers=KEY)

    assert refused_response.status_code == 503
    assert refused_response.json() == {"detail": "Service temporarily unavailable"}
    assert refused_response.headers["Retry-After"]
    assert not Product.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert client.post(PRODUCTS, SHOE, headers=KEY).status_code == 201
