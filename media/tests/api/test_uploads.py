from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Membership, User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from media.errors import FileEmptyError
from media.models import MediaResource, ResourceStatus, Upload
from media.rules.failures import sentence_for
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    ingest,
    key_of,
    photo,
    ready_resource,
    ticket,
    upload_file,
    upload_of,
)
from sartiq.core.errors import InvalidError

pytestmark = pytest.mark.django_db


def state_of(client: APIClient, upload: Upload) -> dict[str, Any]:
    response = client.get(f"/api/v1/uploads/{upload.pk}")
    assert response.status_code == 200, response.json()
    body: dict[str, Any] = response.json()
    return body


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_new_upload_is_returned_with_everything_that_was_declared(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    new_ticket = ticket(user, size=5, sha256="AB" * 32, folder="product-images")

    body = client.get(f"/api/v1/uploads/{new_ticket.upload_id}").json()

    row = Upload.objects.get()
    times = {name: moment(body.pop(name)) for name in ("expires_at", "created_at", "updated_at")}
    assert times == {name: getattr(row, name) for name in times}
    assert body == {
        "id": str(row.pk),
        "user_id": str(user.pk),
        "organization_id": None,
        "state": "issued",
        "failure": None,
        "resource": None,
        "filename": "shoe.png",
        "folder": "product-images",
        "content_type": "image/png",
        "file_size": 5,
        "sha256": "ab" * 32,
        "file_url": f"{settings.CDN_URL}/{row.key}",
    }
    assert key_of(new_ticket.file_url) == row.key


def test_a_stored_upload_names_its_resource(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user)

    body = state_of(client, Upload.objects.get())

    assert (body["state"], body["failure"]) == ("consumed", None)
    assert body["resource"] == {
        "id": str(resource.pk),
        "status": "ready",
        "url": f"{settings.CDN_URL}/media/{resource.pk}/file.png",
    }
    assert (body["file_size"], body["sha256"]) == (None, None)


def test_a_claimed_upload_is_pending(client: APIClient, user: User, memory: MemoryStore) -> None:
    url = upload_file(memory, user)
    [resource] = ingest(user, [url])

    body = state_of(client, upload_of(url))

    assert body["state"] == "claimed"
    assert body["resource"] == {"id": str(resource.pk), "status": "pending", "url": url}


def test_a_rejected_upload_says_why(client: APIClient, user: User, memory: MemoryStore) -> None:
    url = upload_file(memory, user, b"")
    with pytest.raises(InvalidError):
        ingest(user, [url])

    body = state_of(client, upload_of(url))

    assert (body["state"], body["resource"]) == ("expired", None)
    assert body["failure"] == {"code": "file_empty", "message": FileEmptyError.message}


def test_a_file_that_failed_later_says_why(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    url = upload_file(memory, user)
    [resource] = ingest(user, [url])
    MediaResource.objects.filter(pk=resource.pk).update(
        status=ResourceStatus.FAILED, failure_code="file_corrupt"
    )

    body = state_of(client, upload_of(url))

    assert body["resource"] == {"id": str(resource.pk), "status": "failed", "url": None}
    assert body["failure"] == {"code": "file_corrupt", "message": sentence_for("file_corrupt")}


@pytest.mark.covers("T40")
def test_only_the_owner_sees_a_personal_upload(user: User, memory: MemoryStore) -> None:
    upload_id = ticket(user).upload_id
    colleague_user = MembershipFactory.create(
        organization=MembershipFactory.create(user=user).organization
    ).user

    callers = (user, UserFactory.create(superuser=True), colleague_user, UserFactory.create())
    responses = [client_of(caller).get(f"/api/v1/uploads/{upload_id}") for caller in callers]

    assert [response.status_code for response in responses] == [200, 200, 404, 404]
    assert responses[2].json() == {"detail": "Upload not found"}


@pytest.mark.covers("T40")
def test_only_members_see_an_upload_of_their_organization(user: User, memory: MemoryStore) -> None:
    organization = MembershipFactory.create(user=user).organization
    colleague_user = MembershipFactory.create(organization=organization).user
    path = f"/api/v1/uploads/{ticket(user, organization_id=organization.pk).upload_id}"

    assert [client_of(caller).get(path).status_code for caller in (user, colleague_user)] == [
        200,
        200,
    ]
    Membership.objects.filter(user=user).delete()
    assert client_of(user).get(path).status_code == 404


@pytest.mark.covers("T40")
def test_a_resource_of_another_owner_is_not_shown(user: User, memory: MemoryStore) -> None:
    membership = MembershipFactory.create(user=user)
    url = upload_file(memory, user, photo(), organization_id=membership.organization_id)
    ingest(user, [url])  # into the personal scope of the one who uploaded it
    colleague_user = MembershipFactory.create(organization=membership.organization).user

    states = [state_of(client_of(caller), upload_of(url)) for caller in (user, colleague_user)]

    assert [body["state"] for body in states] == ["claimed", "claimed"]
    assert states[0]["resource"] is not None
    assert states[1]["resource"] is None


def test_an_upload_takes_three_queries(
    client: APIClient,
    user: User,
    memory: MemoryStore,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ready_resource(memory, user)
    upload = Upload.objects.get()

    with django_assert_num_queries(3):  # the caller, the upload and its resource
        state_of(client, upload)
