"""Entity tags of responses, and conditional reads and writes (RFC 9110, section 13)."""

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse

from accounts.models import Organization, User
from catalog.models import Product
from exports.models import ExportConfiguration
from media.models import MediaResource, ResourceStatus
from tests.api.matrix import ROWS
from tests.api.responses import require_error_format
from tests.api.row_requests import ROUTES, body_of, path_of
from tests.api.rows import Row
from tests.api.world import World

OTHER_TAG = '"0000"'
READ_ROWS = [
    row
    for row in ROWS
    if row.route.startswith("GET /api/v1/")
    and row.superuser_status == 200
    and row.expected[0] == 401
    and not row.route.endswith(("/template", ".csv", "/report"))
    and "format=csv" not in row.query
]
WRITE_ROWS = [
    row
    for row in ROWS
    if row.route.startswith(("PATCH ", "DELETE ")) and row.superuser_status in {200, 204}
]


def send(row: Row, world: World, method: str = "", **headers: str) -> HttpResponse:
    """Send the row's request as the superuser, without undoing what it writes."""
    client = world.client("superuser")
    response: HttpResponse = client.generic(
        method or ROUTES[row.route].method,
        path_of(row, world),
        headers=headers,
        **({} if method else body_of(row, world)),
    )
    return response


@pytest.mark.parametrize("row", READ_ROWS, ids=str)
def test_a_read_has_an_entity_tag_and_is_private(row: Row, world: World) -> None:
    first, second, head = send(row, world), send(row, world), send(row, world, method="HEAD")

    etag = first.headers["ETag"]
    assert etag.startswith('"')
    assert etag == second.headers["ETag"] == head.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]


@pytest.mark.parametrize("row", READ_ROWS, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unchanged_response_is_not_sent_again(row: Row, world: World, method: str) -> None:
    etag = send(row, world).headers["ETag"]

    for matching_tags in (etag, "*", f"W/{etag}", f'{OTHER_TAG}, "a,b",W/{etag}'):
        response = send(row, world, method=method, **{"If-None-Match": matching_tags})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == etag
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in response.headers["Vary"]
    for other_tags in (OTHER_TAG, etag.strip('"'), f'{OTHER_TAG}, "1"', ""):
        response = send(row, world, method=method, **{"If-None-Match": other_tags})
        assert response.status_code == 200


@pytest.mark.parametrize(
    "path", ["products/?limit=x", "products/00000000-0000-7000-8000-000000000000"]
)
def test_a_refused_read_is_private_too(world: World, path: str) -> None:
    response = world.client("plain").get(f"/api/v1/{path}")

    assert response.status_code in {404, 422}
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "ETag" not in response.headers


def test_a_read_with_a_failed_precondition_is_rejected(world: World) -> None:
    client, path = world.client("owner"), f"/api/v1/products/{world.ids['product']}"

    response = client.get(path, headers={"If-Match": OTHER_TAG})

    assert response.status_code == 412
    require_error_format(response.status_code, response.content, response.headers)


@pytest.mark.parametrize("row", READ_ROWS[:5], ids=str)
def test_a_read_ignores_conditions_on_dates(row: Row, world: World) -> None:
    date_headers = {
        "If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT",
        "If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT",
    }

    response = send(row, world, **date_headers)

    assert response.status_code == 200
    assert response.content == send(row, world).content


def test_a_write_ignores_conditions_on_dates(world: World) -> None:
    path = f"/api/v1/products/{world.ids['product']}"
    date_headers = {
        "If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT",
        "If-None-Match": OTHER_TAG,
    }

    response = world.client("owner").patch(
        path, {"name": "New"}, format="json", headers=date_headers
    )

    assert response.status_code == 200


def test_an_entity_tag_depends_on_related_rows(world: World) -> None:
    client, path = world.client("owner"), f"/api/v1/products/{world.ids['product']}"
    etag = client.get(path).headers["ETag"]
    MediaResource.objects.update(status=ResourceStatus.PENDING)

    response = client.get(path, headers={"If-None-Match": etag})

    assert response.status_code == 200
    assert response.json()["cover_image"]["status"] == "pending"


def state(world: World) -> Any:
    """Return all rows that a write may change."""
    models = (Product, MediaResource, ExportConfiguration, Organization, User)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("row", WRITE_ROWS, ids=str)
@pytest.mark.parametrize(
    "conditions",
    [
        {"If-Match": OTHER_TAG, "If-None-Match": OTHER_TAG},
        {"If-Match": "W/{tag}"},
        {"If-None-Match": "{tag}, {tag}"},
    ],
    ids=" and ".join,
)
def test_a_write_with_another_tag_is_rejected(
    row: Row, world: World, conditions: dict[str, str]
) -> None:
    etag, before = send(row, world, method="GET").headers["ETag"], state(world)

    response = send(
        row, world, **{name: value.format(tag=etag) for name, value in conditions.items()}
    )

    assert response.status_code == 412
    require_error_format(response.status_code, response.content, response.headers)
    assert state(world) == before
    assert send(row, world, method="GET").headers["ETag"] == etag


@pytest.mark.parametrize("row", WRITE_ROWS, ids=str)
@pytest.mark.parametrize("tags", ["{tag}", "*", f"{OTHER_TAG}, {{tag}}"])
def test_a_write_with_the_current_tag_succeeds(row: Row, world: World, tags: str) -> None:
    etag = send(row, world, method="GET").headers["ETag"]

    with transaction.atomic():
        response = send(row, world, **{"If-Match": tags.format(tag=etag)})

    assert response.status_code == row.superuser_status
    if row.route.startswith("PATCH"):
        assert response.headers["ETag"] == send(row, world, method="GET").headers["ETag"]


@pytest.mark.parametrize("row", WRITE_ROWS, ids=str)
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_a_malformed_condition_is_rejected(row: Row, world: World, name: str) -> None:
    before = state(world)

    for value in ("", "1f0c", '"1f0c', '"a" "b"', "*, *", 'w/"a"', '"a",', "'a'"):
        response = send(row, world, **{name: value})

        [issue] = require_error_format(response.status_code, response.content, response.headers)
        assert (response.status_code, issue["loc"]) == (422, ["header", name])
    assert state(world) == before


def test_a_created_row_has_the_same_tag_as_when_read(world: World) -> None:
    client = world.client("plain")

    for path in ("products/", "organizations/", "users/me/export-configuration"):
        create_response = client.post(f"/api/v1/{path}", {"name": "New"})
        read_response = client.get(create_response.headers["Location"])

        assert create_response.status_code == 201
        assert create_response.headers["ETag"] == read_response.headers["ETag"]
