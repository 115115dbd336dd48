from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, client_of
from media.models import Upload
from media.storage.local.store import LocalStore
from media.storage.s3.store import S3Store
from media.tests.factories import photo
from media.tests.storage.client import send

pytestmark = pytest.mark.django_db

ROUTE = "/api/v1/uploads/presigned-url"
PAYLOAD = {"filename": "shoe.png", "content_type": "image/png", "folder": "product-images"}
FIELDS = {
    "id",
    "upload_url",
    "file_url",
    "upload_method",
    "upload_headers",
    "expires_in_seconds",
    "max_file_size",
}
MAX_SIZE = 52_428_800


def faults(response: Any) -> list[tuple[list[Any], str]]:
    return [(issue["loc"], issue["type"]) for issue in response.json()["detail"]]


@pytest.mark.covers("T12")
def test_the_response_has_exactly_the_specified_fields(client: APIClient, bucket: S3Store) -> None:
    response = client.post(ROUTE, PAYLOAD | {"file_size": MAX_SIZE})

    body = response.json()
    key = Upload.objects.get().key
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert set(body) == FIELDS
    assert body["id"] == str(Upload.objects.get().pk)
    assert body["file_url"] == f"{settings.CDN_URL}/{key}"
    assert body["upload_url"].startswith(f"{settings.S3_PUBLIC_ENDPOINT_URL}/")
    assert key in body["upload_url"]
    assert body["upload_method"] == "PUT"
    assert body["upload_headers"] == {"Content-Type": "image/png"}
    assert (body["expires_in_seconds"], body["max_file_size"]) == (1600, MAX_SIZE)


@pytest.mark.covers("T02", "T01")
def test_an_upload_as_described_by_the_response_succeeds(
    client: APIClient, bucket: S3Store
) -> None:
    body = photo()
    response = client.post(ROUTE, PAYLOAD | {"size": len(body)}).json()

    def put(content: bytes, headers: dict[str, str]) -> int:
        return send(response["upload_method"], response["upload_url"], content, headers)[0]

    assert put(body, {"Content-Type": "text/html"}) == 403
    assert put(body + b"x", response["upload_headers"]) == 403
    assert put(body, response["upload_headers"]) == 200
    key = Upload.objects.get().key
    assert (bucket.head(key).size, bucket.head(key).content_type) == (len(body), "image/png")
    status, _, content = send("GET", response["file_url"])
    assert (status, content) == (200, body)


def test_the_local_store_adds_a_token(client: APIClient, folder: LocalStore) -> None:
    body = client.post(ROUTE, PAYLOAD).json()

    assert set(body) == FIELDS | {"token"}
    assert body["upload_url"].endswith(f"/api/v1/uploads/local/{body['token']}")


def test_a_declared_hash_is_a_header_to_send(client: APIClient) -> None:
    body = client.post(ROUTE, PAYLOAD | {"sha256": "00" * 32}).json()

    assert body["upload_headers"] == {
        "Content-Type": "image/png",
        "x-amz-checksum-sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }


@pytest.mark.parametrize(
    "optional_fields",
    [
        {},
        {"file_size": None, "size": None, "sha256": None, "organization_id": None},
        {"folder": ""},
        {"unknown_field": 1, "key": "media/x", "expires_in_seconds": 10**9},
    ],
)
def test_only_file_name_and_content_type_are_required(
    client: APIClient, optional_fields: Any
) -> None:
    payload = {"filename": "shoe.png", "content_type": "image/png"} | optional_fields

    response = client.post(ROUTE, payload)

    assert response.status_code == 200
    assert response.json()["expires_in_seconds"] == 900


@pytest.mark.covers("T02", "T45", "I14")
@pytest.mark.parametrize("name", ["size", "file_size"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1, None),
        (MAX_SIZE, None),
        (0, "file_too_small"),
        (-1, "file_too_small"),
        (MAX_SIZE + 1, "file_too_large"),
        (10**9, "file_too_large"),
        (10**40, "file_too_large"),
        (1e9, "int_parsing"),
        (1.5, "int_parsing"),
        (True, "int_parsing"),
        ("7", "int_parsing"),
        ([], "int_parsing"),
    ],
)
def test_the_declared_size_is_validated(
    client: APIClient, name: str, value: Any, code: str | None
) -> None:
    response = client.post(ROUTE, PAYLOAD | {name: value})

    if code is None:
        assert response.status_code == 200
        assert Upload.objects.get().declared_size == value
    else:
        assert (response.status_code, faults(response)) == (422, [(["body", name], code)])
        assert not Upload.objects.exists()


@pytest.mark.parametrize(("file_size", "status"), [(10, 200), (11, 422)])
def test_both_names_of_the_size_must_agree(client: APIClient, file_size: int, status: int) -> None:
    response = client.post(ROUTE, PAYLOAD | {"size": 10, "file_size": file_size})

    assert response.status_code == status
    if status == 422:
        assert faults(response) == [(["body", "size"], "size_conflict")]
        assert not Upload.objects.exists()


@pytest.mark.covers("T20", "T34", "I14")
@pytest.mark.parametrize(
    ("change", "loc", "code"),
    [
        ({"filename": None}, "filename", "null_not_allowed"),
        ({"filename": ""}, "filename", "string_empty"),
        ({"filename": 5}, "filename", "string_type"),
        ({"filename": "a\nb"}, "filename", "file_name"),
        ({"filename": "x" * 10_001}, "filename", "string_too_long"),
        ({"content_type": "image/svg+xml"}, "content_type", "content_type_not_allowed"),
        ({"content_type": "Image/PNG"}, "content_type", "content_type_not_allowed"),
        ({"content_type": "application/pdf"}, "content_type", "image_required"),
        ({"folder": "x" * 256}, "folder", "string_too_long"),
        ({"sha256": "xyz"}, "sha256", "value_error"),
        ({"sha256": "0" * 63}, "sha256", "value_error"),
        ({"organization_id": "mine"}, "organization_id", "uuid_parsing"),
    ],
)
def test_a_refusal_is_reported_and_writes_no_row(
    client: APIClient, change: dict[str, Any], loc: str, code: str
) -> None:
    response = client.post(ROUTE, PAYLOAD | change)

    assert (response.status_code, faults(response)) == (422, [(["body", loc], code)])
    assert not Upload.objects.exists()


@pytest.mark.covers("T40", "I14")
def test_only_members_may_upload_for_an_organization(client: APIClient, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization

    def status(organization_id: Any, caller: APIClient = client) -> int:
        payload = PAYLOAD | {"organization_id": str(organization_id)}
        return int(caller.post(ROUTE, payload).status_code)

    assert [status(OrganizationFactory.create().pk), status(uuid4())] == [403, 403]
    assert not Upload.objects.exists()
    assert status(organization.pk) == 200
    assert Upload.objects.get().organization_id == organization.pk
    assert client_of().post(ROUTE, PAYLOAD).status_code == 401


def test_signing_takes_two_queries_and_no_call_to_the_store(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # the caller and the row; nothing listens for the store
        assert client.post(ROUTE, PAYLOAD).status_code == 200


def test_the_retired_route_names_its_successor() -> None:
    response = client_of().post("/api/v1/uploads/admin/upload-lora", {})

    assert response.status_code == 410
    assert "/admin/" in response.json()["detail"]
    assert response["Deprecation"].startswith("@")
    assert response["Sunset"].endswith("GMT")
    assert response["Link"] == '</admin/catalog/loramodel/add/>; rel="successor-version"'
