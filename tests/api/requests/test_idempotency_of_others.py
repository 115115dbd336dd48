"""A request with a key changes no row of another request that is still running."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from sartiq.core.models import IdempotencyKey
from tests.api.requests.keyed import SHOE, post

pytestmark = pytest.mark.usefixtures("bystander")


@pytest.fixture
def user(db: None) -> User:
    return UserFactory.create()


@pytest.mark.covers("F40")
@pytest.mark.parametrize(("body", "status"), [(SHOE, 201), ({"name": ""}, 422)])
def test_the_running_requests_of_others_keep_their_keys(
    user: User, body: dict[str, Any], status: int
) -> None:
    other_users = [UserFactory.create() for _ in range(2)]
    for other_user in other_users:
        post(other_user, {"name": "Boot"})
    locked_until = timezone.now() + timedelta(seconds=9)
    other_keys = IdempotencyKey.objects.filter(user_id__in=[row.pk for row in other_users])
    other_keys.update(status_code=None, answer=None, locked_until=locked_until)
    before = list(other_keys.order_by("pk").values())

    response = post(user, body)

    assert response.status_code == status
    assert list(other_keys.order_by("pk").values()) == before
    assert len(before) == 2
