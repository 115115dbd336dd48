"""A request that exceeds its deadline writes nothing and can be repeated."""

from collections.abc import Iterator

import pytest
from django.db import connection

from accounts.tests.factories import UserFactory, client_of
from catalog.models import Product
from sartiq.core.limits.request_limits import RequestLimits, limited
from sartiq.core.models import IdempotencyKey

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = "/api/v1/products/"
SHOE = {"name": "Shoe", "sku": "S-1"}
KEY = {"Idempotency-Key": "k-1"}
SLOW_INSERT = """
CREATE FUNCTION slow_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(30);
    RETURN NULL;
END $$;
CREATE TRIGGER slow_insert AFTER INSERT ON catalog_product
FOR EACH ROW EXECUTE FUNCTION slow_insert();
"""
CLEANUP = """
DROP TRIGGER IF EXISTS slow_insert ON catalog_product;
DROP FUNCTION IF EXISTS slow_insert();
"""


def execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.fixture
def slow_insert() -> Iterator[None]:
    execute(SLOW_INSERT)
    yield
    execute(CLEANUP)


@pytest.mark.covers("I14")
@pytest.mark.usefixtures("slow_insert")
def test_a_deadline_in_the_middle_of_a_request_leaves_nothing() -> None:
    client = client_of(UserFactory.create())
    client.raise_request_exception = False
    limits = RequestLimits(
        0.5, take_permit=lambda _limits: True, return_permit=lambda _limits: None
    )

    with limited(limits):
        response = client.post(PRODUCTS, SHOE, headers=KEY)

    assert limits.remaining() < 2  # the time for cleaning up
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert not Product.objects.exists()
    assert not IdempotencyKey.objects.exists()
