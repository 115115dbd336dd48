"""The check of all row locks finds those outside a transaction and accepts the others."""

import pytest
from django.db import transaction

from media.services import attachments
from sartiq.core.models import new_id
from sartiq.core.tests import lock_scopes

pytestmark = pytest.mark.django_db


def test_a_row_lock_outside_a_transaction_is_found() -> None:
    with (
        pytest.raises(AssertionError, match=r"media/services/attachments\.py:start_grace"),
        lock_scopes.watching(),
    ):
        attachments.start_grace({new_id()})


def test_a_row_lock_in_a_transaction_passes() -> None:
    with lock_scopes.watching(), transaction.atomic():
        attachments.start_grace({new_id()})
