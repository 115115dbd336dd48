from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    client_of,
)
from media.models import Upload, UploadState
from media.storage.local.store import LocalStore
from media.storage.s3.store import S3Store
from media.tests.factories import photo
from media.tests.storage.client import send

pytestmark = pytest.mark.django_db

ROUTE = "/api/v1/uploads/presigned-urls"
SINGLE = "/api/v1/uploads/presigned-url"
SHOE = {"filename": "shoe.png", "content_type": "image/png"}
SVG = {"filename": "logo.svg", "content_type": "image/svg+xml"}


def results(client: APIClient, *items: Any) -> list[dict[str, Any]]:
    response = client.post(ROUTE, {"items": items})
    assert response.status_code == 200, response.json()
    data: list[dict[str, Any]] = response.json()["data"]
    return data


def issues(result: dict[str, Any]) -> list[tuple[list[Any], str]]:
    assert set(result) == {"error"}
    return [(issue["loc"], issue["type"]) for issue in result["error"]["detail"]]


def test_each_file_gets_a_ticket_in_the_order_of_the_request(
    client: APIClient, user: User, bucket: S3Store
) -> None:
    bodies = [photo(number) for number in range(3)]
    files = [
        SHOE | {"filename": f"{number}.png", "size": len(body)}
        for number, body in enumerate(bodies)
    ]

    response = client.post(ROUTE, {"items": files})

    tickets = response.json()["data"]
    assert response["Cache-Control"] == "no-store"
    rows = {str(row.pk): row for row in Upload.objects.all()}
    assert [rows[ticket["id"]].filename for ticket in tickets] == ["0.png", "1.png", "2.png"]
    assert {row.user_id for row in rows.values()} == {user.pk}
    for ticket, body in zip(tickets, bodies, strict=True):
        assert ticket["upload_method"] == "PUT"
        assert send("PUT", ticket["upload_url"], body + b"x", ticket["upload_headers"])[0] == 403
        assert send("PUT", ticket["upload_url"], body, ticket["upload_headers"])[0] == 200
        key = rows[ticket["id"]].key
        assert bucket.head(key).size == len(body)
        assert ticket["file_url"].endswith(key)


def test_a_ticket_is_the_same_as_from_the_route_for_one_file(
    client: APIClient, folder: LocalStore
) -> None:
    file = SHOE | {"sha256": "AB" * 32, "file_size": 52_428_800, "folder": "product-images"}

    [ticket] = results(client, file)

    single_ticket = client.post(SINGLE, file).json()
    random_fields = {"id", "upload_url", "file_url", "token"}
    assert set(ticket) == set(single_ticket)
    assert [ticket[name] for name in ticket.keys() - random_fields] == [
        single_ticket[name] for name in ticket.keys() - random_fields
    ]
    rows = Upload.objects.values("folder", "content_type", "declared_size", "sha256", "state")
    first, second = rows.order_by("created_at")
    assert first == second


@pytest.mark.covers("I14")
def test_a_bad_file_does_not_affect_the_others(client: APIClient) -> None:
    data = results(
        client,
        SHOE,
        SVG,
        None,
        "shoe.png",
        [],
        {},
        SHOE | {"filename": "a\nb", "size": 5},
        SHOE | {"size": 0},
        SHOE | {"size": 5, "file_size": 6},
        SHOE | {"sha256": "xyz", "filename": 5},
        SHOE | {"filename": "last.png"},
    )

    assert [issues(result) for result in data[1:-1]] == [
        [(["body", "items", 1, "content_type"], "content_type_not_allowed")],
        [(["body", "items", 2], "null_not_allowed")],
        [(["body", "items", 3], "object_type")],
        [(["body", "items", 4], "object_type")],
        [
            (["body", "items", 5, "filename"], "missing"),
            (["body", "items", 5, "content_type"], "missing"),
        ],
        [(["body", "items", 6, "filename"], "file_name")],
        [(["body", "items", 7, "size"], "file_too_small")],
        [(["body", "items", 8, "size"], "size_conflict")],
        [
            (["body", "items", 9, "filename"], "string_type"),
            (["body", "items", 9, "sha256"], "value_error"),
        ],
    ]
    assert data[1]["error"]["detail"][0]["msg"].startswith("This is an SVG drawing.")
    filenames = {str(pk): name for pk, name in Upload.objects.values_list("pk", "filename")}
    assert filenames == {data[0]["id"]: "shoe.png", data[-1]["id"]: "last.png"}


def test_only_refused_files_are_a_success_without_rows(client: APIClient) -> None:
    data = results(client, SVG, SVG)

    assert [len(issues(result)) for result in data] == [1, 1]
    assert not Upload.objects.exists()


@pytest.mark.covers("I14")
@pytest.mark.parametrize(
    ("body", "loc", "code"),
    [
        ({}, ["body", "items"], "missing"),
        ({"items": None}, ["body", "items"], "null_not_allowed"),
        ({"items": {}}, ["body", "items"], "list_type"),
        ({"items": "shoe.png"}, ["body", "items"], "list_type"),
        ({"items": []}, ["body", "items"], "too_few"),
        ({"items": [SHOE] * 501}, ["body", "items"], "too_many"),
        ([SHOE], ["body"], "object_type"),
    ],
)
def test_a_request_takes_1_to_500_files(
    client: APIClient, body: Any, loc: list[str], code: str
) -> None:
    response = client.post(ROUTE, body)

    assert response.status_code == 422
    assert [(issue["loc"], issue["type"]) for issue in response.json()["detail"]] == [(loc, code)]
    assert not Upload.objects.exists()


def test_500_files_take_two_queries(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # the caller and the rows
        data = results(client, *[SHOE | {"filename": f"{number}.png"} for number in range(500)])

    assert len({ticket["file_url"] for ticket in data}) == 500
    assert Upload.objects.count() == 500


@pytest.mark.covers("T40", "I14")
def test_each_file_may_be_for_an_organization_of_the_caller(
    client: APIClient, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    own_organization = MembershipFactory.create(user=user).organization_id
    foreign_organization, unknown_organization = OrganizationFactory.create().pk, uuid4()
    items = [
        SHOE,
        *(
            SHOE | {"organization_id": str(pk)}
            for pk in (own_organization, foreign_organization, unknown_organization)
        ),
    ]

    with django_assert_num_queries(3):  # the caller, the organizations and the rows
        data = results(client, *items)

    assert [issues(result) for result in data[2:]] == [
        [(["body", "items", index, "organization_id"], "not_found")] for index in (2, 3)
    ]
    assert data[2]["error"]["detail"][0]["input"] == str(foreign_organization)
    owners = {str(row.pk): row.organization_id for row in Upload.objects.all()}
    assert owners == {data[0]["id"]: None, data[1]["id"]: own_organization}


@pytest.mark.covers("T40")
def test_a_superuser_uploads_for_every_existing_organization() -> None:
    organization_id = str(OrganizationFactory.create().pk)
    client = client_of(UserFactory.create(superuser=True))

    first, second = results(
        client,
        SHOE | {"organization_id": organization_id},
        SHOE | {"organization_id": str(uuid4())},
    )

    assert str(Upload.objects.get(pk=first["id"]).organization_id) == organization_id
    assert issues(second) == [(["body", "items", 1, "organization_id"], "not_found")]


@pytest.mark.covers("T41")
def test_a_file_cannot_set_read_only_fields(client: APIClient, user: User) -> None:
    read_only_fields = {
        "id": str(uuid4()),
        "key": "media/x",
        "state": "CONSUMED",
        "user_id": str(UserFactory.create().pk),
        "expires_at": "2001-01-01T00:00:00Z",
        "etag": "forged",
    }

    [ticket] = results(client, SHOE | read_only_fields)

    row = Upload.objects.get()
    assert ticket["id"] == str(row.pk) != read_only_fields["id"]
    assert row.key.startswith("temp/")
    assert (row.state, row.user_id, row.etag) == (UploadState.ISSUED, user.pk, "")
    assert row.expires_at > row.created_at


def test_it_needs_a_token() -> None:
    assert client_of().post(ROUTE, {"items": [SHOE]}).status_code == 401
