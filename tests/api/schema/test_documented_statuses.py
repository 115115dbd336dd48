"""The schema documents every status an operation returns, and no impossible 404 or 409."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import OrganizationFactory, UserFactory, token_of
from bulkupload.models import (
    BulkUploadRowError,
    PhotoBatch,
    PhotoBatchStatus,
    PhotoFile,
    PhotoStatus,
)
from catalog.models import Product, Subject
from sartiq.core.management.commands.check_openapi import document
from tests.api.matrix import ROWS
from tests.api.photo_rows import PHOTOS
from tests.api.row_requests import response_to
from tests.api.rows import V1, Row, everyone
from tests.api.world import World

PASSWORD: Final = "long-enough-horse"
TAKEN_EMAIL: Final = {"email": "taken@example.com"}
TAKEN_SLUG: Final = {"slug": "taken", "name": "Taken"}
PHOTO_IDS: Final = {"file_ids": ["{ready_photo}"]}
SUPERUSER: Final = {"user_id": "superuser"}
ORGANIZATION: Final = {"org_id": "organization"}
OWNER: Final = {**ORGANIZATION, "user_id": "owner"}
# Requests that get a 409 with the data of `world_with_conflicts`, which has one superuser.
CONFLICTS: Final = [
    Row(route=f"{route.replace(' /', f' {V1}/')}", ids=ids, body=body, expected=everyone(409))
    for route, ids, body in (
        ("PATCH /products/{entity_id}", {"entity_id": "product"}, {"sku": "TAKEN"}),
        ("PATCH /subjects/{entity_id}", {"entity_id": "subject"}, {"slug": "taken"}),
        ("POST /products/{entity_id}/restore", {"entity_id": "deleted_product"}, None),
        ("POST /subjects/{entity_id}/restore", {"entity_id": "deleted_subject"}, None),
        ("POST /organizations/", {}, TAKEN_SLUG),
        ("PATCH /organizations/{org_id}", ORGANIZATION, TAKEN_SLUG),
        ("POST /organizations/{org_id}/members", ORGANIZATION, {"user_id": "{owner}"}),
        ("PATCH /organizations/{org_id}/members/{user_id}", OWNER, {"role": "member"}),
        ("DELETE /organizations/{org_id}/members/{user_id}", OWNER, None),
        ("POST /users/", {}, TAKEN_EMAIL | {"password": PASSWORD}),
        ("PATCH /users/{user_id}", SUPERUSER, {"is_active": False}),
        ("DELETE /users/{user_id}", SUPERUSER, None),
        ("PATCH /users/me", {}, TAKEN_EMAIL | {"current_password": PASSWORD}),
        ("POST /bulk-upload/{job_id}/retry", {"job_id": "job"}, None),
        *(
            (f"POST /photo-batches/{{batch_id}}/{action}", {"batch_id": "done_batch"}, body)
            for action, body in (
                ("files", PHOTOS),
                ("uploaded", PHOTO_IDS),
                ("tickets", PHOTO_IDS),
                ("cancel", None),
                ("retry", None),
            )
        ),
        (
            "PATCH /photo-batches/{batch_id}/files/{file_id}",
            {"batch_id": "done_batch", "file_id": "ready_photo"},
            {"skip": True},
        ),
    )
]
# A 409 needs a race here: an object that the body refers to is deleted during the request.
CONFLICTS_IN_RACES: Final = {
    f"PATCH {V1}/{prefix}/{{entity_id}}"
    for prefix in ("looks", "guidelines", "production-requests")
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


@pytest.fixture(scope="module")
def documented(schema: dict[str, Any]) -> dict[str, set[str]]:
    return {route: set(operation["responses"]) for route, operation in operations(schema)}


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations by route, such as `GET /api/v1/users/me`."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def is_repeatable(operation: dict[str, Any]) -> bool:
    """Return whether an operation takes `Idempotency-Key`, which may cause a 409."""
    return "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}


def statuses() -> dict[str, set[str]]:
    """Return the statuses in the matrix, which `test_permission_matrix.py` verifies."""
    by_route: dict[str, set[str]] = defaultdict(set)
    for row in ROWS:
        by_route[row.route] |= {str(status) for status in row.expected}
    return by_route


def test_every_status_of_the_matrix_is_documented(documented: dict[str, set[str]]) -> None:
    missing = {
        route: statuses_of_matrix - documented[route]
        for route, statuses_of_matrix in statuses().items()
        if route in documented and statuses_of_matrix - documented[route]
    }

    assert missing == {}


def test_every_documented_404_is_in_the_matrix(documented: dict[str, set[str]]) -> None:
    statuses_of_matrix = statuses()
    statuses_of_matrix["GET /files/{file_path}"].add("404")  # see `test_files_redirects.py`

    assert {
        route for route, codes in documented.items() if "404" in codes - statuses_of_matrix[route]
    } == set()


@pytest.fixture
def world_with_conflicts(world: World) -> World:
    """The sample data, with the names in `CONFLICTS` already in use and no rows to retry."""
    owner_fields: dict[str, Any] = {
        "user": world.people["owner"],
        "organization": world.organization,
    }
    Product.objects.create(name="Taken", sku="TAKEN", **owner_fields)
    Subject.objects.create(name="Taken", slug="taken", **owner_fields)
    deleted_fields = owner_fields | {"name": "Deleted", "deleted_at": Now()}
    deleted_product = Product.objects.create(sku="TAKEN", **deleted_fields)
    deleted_subject = Subject.objects.create(slug="taken", **deleted_fields)
    OrganizationFactory.create(slug="taken")
    UserFactory.create(**TAKEN_EMAIL)
    BulkUploadRowError.objects.all().delete()
    superuser = world.people["superuser"]
    superuser.set_password(PASSWORD)
    User.objects.filter(pk=superuser.pk).update(password=superuser.password)
    world.tokens["superuser"] = token_of(superuser)
    world.ids.update({name: world.people[name].pk for name in ("owner", "superuser")})
    world.ids.update(_finished_batch(owner_fields, world))
    world.ids.update(deleted_product=deleted_product.pk, deleted_subject=deleted_subject.pk)
    return world


def _finished_batch(owner_fields: dict[str, Any], world: World) -> dict[str, UUID]:
    """Store a finished photo batch of one photo."""
    now = timezone.now()
    batch = PhotoBatch.objects.create(
        **owner_fields, status=PhotoBatchStatus.DONE, last_arrival_at=now, finished_at=now
    )
    photo = PhotoFile.objects.create(
        batch=batch,
        path="S-1.webp",
        content_type="image/webp",
        file_size=10,
        status=PhotoStatus.READY,
        product_id=world.ids["product"],
        slot="images",
    )
    return {"done_batch": batch.pk, "ready_photo": photo.pk}


@pytest.mark.parametrize("row", CONFLICTS, ids=str)
def test_conflicts_are_rejected_with_409(row: Row, world_with_conflicts: World) -> None:
    assert response_to(row, "superuser", world_with_conflicts).status_code == 409


def test_every_documented_409_occurs(
    schema: dict[str, Any], documented: dict[str, set[str]]
) -> None:
    routes_with_409 = {route for route, codes in statuses().items() if "409" in codes} & set(
        documented
    )
    routes_with_409 |= {row.route for row in CONFLICTS} | CONFLICTS_IN_RACES

    assert {route for route, codes in documented.items() if "409" in codes} == routes_with_409 | {
        route for route, operation in operations(schema) if is_repeatable(operation)
    }
