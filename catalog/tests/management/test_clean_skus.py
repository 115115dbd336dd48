"""SKUs that were saved before normalization: reported, and renamed unless two would be equal."""

import io
import json

import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory.create()


def create_products(user: User, *skus: str) -> list[Product]:
    return [Product.objects.create(user=user, name="Shoe", sku=sku) for sku in skus]


def run(*arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("clean_skus", "--json", *arguments, stdout=out)
    result: dict[str, int] = json.loads(out.getvalue())
    return result


def skus() -> set[str | None]:
    return set(Product.objects.values_list("sku", flat=True))


def test_without_execute_nothing_changes(user: User) -> None:
    create_products(user, "A\u200b", "B", " C", "CAFE\u0301")
    before = skus()

    assert run() == {"renamable": 3, "colliding": 0, "renamed": 0}
    assert skus() == before


def test_skus_are_renamed_but_products_are_never_merged(user: User) -> None:
    create_products(user, "A", "A\u200b", "B\u00ad", "\ufeffB", "Größe", "plain sku")
    create_products(UserFactory.create(), "A\u2060")  # another owner's: nothing to collide with

    report = run("--execute")

    assert report == {"renamable": 2, "colliding": 2, "renamed": 2}
    assert Product.objects.filter(user=user, sku="B").count() == 1
    assert Product.objects.filter(user=user, sku="A").count() == 1
    assert skus() == {"A", "A\u200b", "B", "\ufeffB", "Größe", "plain sku"}
    assert run("--execute") == {"renamable": 0, "colliding": 2, "renamed": 0}
