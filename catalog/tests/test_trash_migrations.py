"""The migrations of the trash can be reversed, but not while something is in it."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db.models.functions import Now

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Product
from media.tests.admin import rows

pytestmark = pytest.mark.django_db


def reversal_of(app: str, name: str) -> Any:
    return import_module(f"{app}.migrations.{name}").require_empty_trash


@pytest.fixture
def user() -> User:
    return UserFactory.create()


def test_deleted_rows_do_not_become_live_by_a_reversal(user: User) -> None:
    catalog = reversal_of("catalog", "0008_empty_trash_before_reversal")
    media = reversal_of("media", "0013_empty_trash_before_reversal")
    catalog(WithAllRows(), None)
    media(WithAllRows(), None)
    Product.objects.create(user=user, name="Shoe", deleted_at=Now())
    rows.resource(user, deleted_at=Now())

    with pytest.raises(RuntimeError, match="1 entities are in the trash"):
        catalog(WithAllRows(), None)
    with pytest.raises(RuntimeError, match="1 media resources are in the trash"):
        media(WithAllRows(), None)


class WithAllRows:
    """Models whose default manager has all rows, as the historical ones have."""

    def get_model(self, app: str, name: str) -> Any:
        model: Any = apps.get_model(app, name)
        return type("Historical", (), {"objects": getattr(model, "with_deleted", model.objects)})
