"""The look-up of products by the SKU keys of file names."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import OwnerScope, User
from catalog.models import Product
from catalog.selectors import OF_ORGANIZATION, OF_USER, products_by_sku_key
from catalog.tests.conftest import Team
from tests.query_plans import PlanChecker

pytestmark = pytest.mark.django_db


def create(user: User, sku: str, **fields: object) -> Product:
    return Product.objects.create(user=user, name="Shoe", sku=sku, **fields)


@pytest.mark.parametrize(
    ("sku", "text"),
    [
        ("AW-1", "AW-1"),
        ("AW-1", "aw1"),
        ("aw_1.2 x", "AW12X"),
        (r"A/B\C:D", "abcd"),
        ("Mütze", "MÜTZE"),
        ("İZ", "İZ"),  # "i̇z" in Python, of another length
        ("ΌΣ", "ΌΣ"),
        ("50%", "50%"),
    ],
)
def test_products_are_found_in_any_case_and_with_any_separators(
    user: User, sku: str, text: str
) -> None:
    product = create(user, sku)

    assert products_by_sku_key(OwnerScope(user_id=user.pk), [text]) == {text: [(product.pk, sku)]}


def test_only_live_products_of_the_owner_are_found(user: User, team: Team) -> None:
    scope = OwnerScope(user_id=user.pk, organization_id=team.organization.pk)
    create(user, "AW-1")
    create(team.outsider, "AW-1")
    create(user, "AW-2", organization=team.organization, deleted_at="2026-01-01T00:00Z")
    shared_product = create(team.member, "AW 1", organization=team.organization)

    matches = products_by_sku_key(scope, ["aw1", "aw2", "aw3", ""])

    assert matches == {"aw1": [(shared_product.pk, "AW 1")]}


def test_all_products_with_a_key_are_found_oldest_first(user: User) -> None:
    products = [create(user, sku) for sku in ("aw-1", "AW-1", "AW1")]

    matches = products_by_sku_key(OwnerScope(user_id=user.pk), ["AW1", "aw1"])

    expected = [(product.pk, product.sku) for product in products]
    assert matches == {"AW1": expected, "aw1": expected}


def test_thousands_of_names_take_one_query(user: User) -> None:
    create(user, "AW-1")
    texts = [f"AW{number}" for number in range(5000)]

    with CaptureQueriesContext(connection) as queries:
        matches = products_by_sku_key(OwnerScope(user_id=user.pk), texts)

    assert len(queries) == 1
    assert list(matches) == ["AW1"]


@pytest.mark.parametrize("statement", [OF_ORGANIZATION, OF_USER])
def test_the_index_of_sku_keys_is_used(plan_checker: PlanChecker, statement: str) -> None:
    texts = [f"AW{number}" for number in range(5000)]
    parameters = {"texts": texts, "owner": "0198c000-0000-7000-8000-000000000000"}

    assert not plan_checker.whole_scans(statement, parameters)
