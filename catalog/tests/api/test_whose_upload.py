"""Which uploads a caller may use: by their owner, their state and the scope."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Membership, User
from accounts.tests.factories import UserFactory, client_of
from catalog.tests.conftest import Team
from media.models import Upload, UploadState
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, ticket, upload_file
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"


def create(client: APIClient, query: str = "", **fields: Any) -> dict[str, Any]:
    response = client.post(PRODUCTS + query, {"name": "Shoe"} | fields)
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body


def issues(response: Any) -> list[tuple[list[Any], str]]:
    return [(issue["loc"], issue["type"]) for issue in response.json()["detail"]]


State = Callable[[MemoryStore, User], str]


def issued(memory: MemoryStore, owner: User) -> str:
    return upload_file(memory, owner, organization_id=organization_of(owner))


def never_put(memory: MemoryStore, owner: User) -> str:
    return ticket(owner, organization_id=organization_of(owner)).file_url


def expired(memory: MemoryStore, owner: User) -> str:
    url = issued(memory, owner)
    Upload.objects.filter(key=url.split(f"{settings.CDN_URL}/")[1]).update(
        state=UploadState.EXPIRED, expires_at=timezone.now() - timedelta(days=1)
    )
    return url


def claimed(memory: MemoryStore, owner: User) -> str:
    url = issued(memory, owner)
    query = f"?organization_id={organization_of(owner)}"
    create(client_of(owner), query, cover_image=url)
    return url


def consumed(memory: MemoryStore, owner: User) -> str:
    url = claimed(memory, owner)
    drain()
    return url


def unknown(memory: MemoryStore, owner: User) -> str:
    return f"{settings.CDN_URL}/temp/{new_id()}_1700000000_shoe.png"


def organization_of(owner: User) -> Any:
    return Membership.objects.get(user=owner).organization_id


STATES: list[State] = [issued, never_put, expired, claimed, consumed, unknown]
ACCEPTED_STATES = {
    "owner": {"issued", "claimed", "consumed"},
    "colleague": {"issued", "claimed", "consumed"},
    "personal": {"issued", "claimed", "consumed"},  # the owner, into their own scope
    "outsider": set(),
    "plain": set(),
    "superuser": set(),
}


@pytest.mark.covers("T06", "T40", "I10", "I13")
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("principal", sorted(ACCEPTED_STATES))
def test_only_some_uploads_may_be_used_by_a_caller(
    user: User, team: Team, memory: MemoryStore, principal: str, state: State
) -> None:
    people = {
        "owner": user,
        "personal": user,
        "colleague": team.member,
        "outsider": team.outsider,
        "plain": UserFactory.create(),
        "superuser": UserFactory.create(superuser=True),
    }
    url = state(memory, user)
    is_inside = principal in {"owner", "colleague"}
    query = f"?organization_id={team.organization.pk}" if is_inside else ""

    response = client_of(people[principal]).post(
        PRODUCTS + query, {"name": "Shoe", "cover_image": url}
    )

    if state.__name__ in ACCEPTED_STATES[principal]:
        assert response.status_code == 201
        assert response.json()["cover_image"]["status"] in {"pending", "ready"}
    else:
        assert response.status_code == 422
        assert issues(response) == [(["body", "cover_image"], "file_not_found")]


@pytest.mark.covers("T06", "T39")
def test_unusable_uploads_all_get_the_same_response(
    user: User, team: Team, memory: MemoryStore
) -> None:
    outsider_client = client_of(team.outsider)
    foreign_urls = [state(memory, user) for state in STATES]
    urls = [*foreign_urls, expired(memory, team.outsider)]
    responses = set()

    for url in urls:
        with CaptureQueriesContext(connection) as captured:
            response = outsider_client.post(PRODUCTS, {"name": "Shoe", "cover_image": url})
        body = response.content.replace(url.encode(), b"URL")
        responses.add((response.status_code, body, len(captured)))

    ((status, body, _queries),) = responses
    assert status == 422
    assert b"file_not_found" in body
