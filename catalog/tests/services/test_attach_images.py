"""Products are locked before their images are attached."""

import pytest
from django.db import transaction

from accounts.models import OwnerScope, User
from catalog.models import Product
from catalog.services import attach_images
from sartiq.core.tests.row_locks import check_that_it_waits


@pytest.mark.django_db(transaction=True)
def test_attaching_images_waits_for_another_change_of_the_product(user: User) -> None:
    product = Product.objects.create(user=user, sku="A", name="Shoe")
    scope = OwnerScope(user_id=user.pk)

    def attach() -> None:
        with transaction.atomic():
            attach_images.lock_products(scope, {product.pk})

    check_that_it_waits(attach, product)
