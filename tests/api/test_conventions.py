"""Conventions that every route follows: paths, methods, errors and lists."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse

from accounts.models import Membership
from catalog.models import Product
from exports.models import ExportConfiguration
from tests.api.matrix import ROWS
from tests.api.responses import require_error_format, require_no_leak
from tests.api.routes import METHODS
from tests.api.row_requests import ROUTES, path_of, response_to
from tests.api.rows import Row
from tests.api.world import World

MAX_LIST_LENGTH = 1000
ROWS_OF_EXISTING = [
    row for row in ROWS if "missing" not in row.query and "missing" not in row.ids.values()
]
ARRAY_ROWS = [  # lists that the specification defines without `data` and `count`
    row
    for row in ROWS_OF_EXISTING
    if row.route.startswith("GET /")
    and row.route.endswith(("/export-configuration/", "/export-configurations"))
]
LIST_ROWS = [
    row
    for row in ROWS_OF_EXISTING
    if row.route.startswith("GET /api/v1/")
    and row.route.endswith(("/", "/members"))
    and "/metadata-adapters/" not in row.route
    and row not in ARRAY_ROWS
]
OBJECT_IDS = {"entity_id", "resource_id", "config_id", "job_id", "upload_id", "batch_id"}
ROWS_BY_ID = [row for row in ROWS_OF_EXISTING if OBJECT_IDS & set(row.ids)]


def error_detail(response: HttpResponse) -> Any:
    """Return the detail of an error response, after checking its format."""
    return require_error_format(response.status_code, response.content, response.headers)


def path_with(row: Row, world: World, segment: str) -> str:
    """Return the row's path with `segment` in place of its last id."""
    *_, name = row.ids.values()
    return path_of(row, world).replace(str(world.ids[name]), segment)


def headers_of(response: HttpResponse) -> dict[str, str]:
    """Return the headers of a response without the request's id."""
    return {name: value for name, value in response.headers.items() if name != "X-Request-ID"}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_paths_with_and_without_the_last_slash_respond_the_same(row: Row, world: World) -> None:
    path, separator, query = path_of(row, world).partition("?")
    other_path = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    if row.route.startswith(("GET /files/", "GET /local-store/")):
        return  # a slash is part of a file's name

    plain_response = response_to(row, "superuser", world)
    response = response_to(row, "superuser", world, path=other_path + separator + query)

    assert response.status_code == plain_response.status_code == row.superuser_status


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_errors_have_the_standard_format_and_leak_nothing(row: Row, world: World) -> None:
    for principal in ("anonymous", "stranger", "superuser"):
        response = response_to(row, principal, world)
        if response.status_code >= 400:
            error_detail(response)
        if response.status_code == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.covers("T51")
@pytest.mark.parametrize("row", [row for row in ROWS if "/api/v1/" in row.route], ids=str)
def test_responses_leak_nothing(row: Row, world: World) -> None:
    response = response_to(row, "member", world)

    assert "Server" not in response.headers
    assert "X-Powered-By" not in response.headers
    if not row.route.endswith("openapi.json"):
        require_no_leak(response.content)


def other_methods() -> Iterator[tuple[Row, str]]:
    """Yield each path once with every method that it does not support."""
    supported_methods: dict[str, set[str]] = {}
    for route in ROUTES.values():
        supported_methods.setdefault(route.path, set()).add(route.method)
    paths = set()
    for row in ROWS:
        path = ROUTES[row.route].path
        if path in paths or not path.startswith(("/api/v1/", "/files/")) or "local" in path:
            continue
        paths.add(path)
        yield from ((row, method) for method in METHODS if method not in supported_methods[path])


@pytest.mark.parametrize(
    ("row", "method"),
    list(other_methods()),
    ids=lambda value: str(value).partition(" /")[2] or value,
)
def test_an_unsupported_method_is_a_405(row: Row, method: str, world: World) -> None:
    response = response_to(row, "superuser", world, method=method)

    assert response.status_code == 405
    assert method not in response.headers["Allow"]
    assert error_detail(response) == f'Method "{method}" not allowed.'


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if "/api/v1/" in row.route and "/local/" not in row.route],
    ids=str,
)
def test_options_returns_no_body(row: Row, world: World) -> None:
    for principal in ("anonymous", "superuser"):
        response = response_to(row, principal, world, method="OPTIONS")

        error_detail(response)
        assert response.status_code in {401, 404, 405}
        assert "OPTIONS" not in response.headers.get("Allow", "")


@pytest.mark.parametrize("row", [row for row in ROWS if row.route.startswith("GET ")], ids=str)
def test_head_responds_like_get_without_a_body(row: Row, world: World) -> None:
    response = response_to(row, "superuser", world, method="HEAD")

    assert response.status_code == row.superuser_status
    assert response.content == b""


@pytest.mark.covers("T40")
@pytest.mark.parametrize("row", ROWS_BY_ID, ids=str)
def test_an_object_of_another_owner_is_a_404_like_a_missing_one(row: Row, world: World) -> None:
    foreign_response = response_to(row, "stranger", world)
    missing_response = response_to(row, "stranger", world, path=path_with(row, world, str(uuid4())))

    assert foreign_response.status_code == missing_response.status_code == 404
    assert foreign_response.content == missing_response.content
    assert headers_of(foreign_response) == headers_of(missing_response)


@pytest.mark.parametrize("segment", ["1", "{0}", "urn:uuid:{1}", "{1}x", "%00", "{2}", "é"])
@pytest.mark.parametrize("row", ROWS_BY_ID, ids=str)
def test_a_malformed_id_in_the_path_is_a_422(row: Row, segment: str, world: World) -> None:
    valid_id = str(uuid4())
    malformed_id = segment.replace("{0}", "{" + valid_id + "}").replace("{1}", valid_id)
    path = path_with(row, world, malformed_id.replace("{2}", valid_id.replace("-", "")))

    response = response_to(row, "member", world, path=path)

    assert response.status_code == 422
    [issue] = error_detail(response)
    assert issue["type"] == "uuid_parsing"
    assert issue["loc"][0] == "path"


@pytest.mark.covers("T43")
def test_a_former_member_is_rejected_immediately(world: World) -> None:
    client = world.client("member")
    path = f"/api/v1/products/{world.ids['product']}"
    before = client.get(path)

    Membership.objects.filter(user=world.people["member"]).delete()

    assert before.status_code == 200
    assert client.get(path).status_code == 404
    assert client.patch(path, {"name": "Mine"}).status_code == 404
    scope = f"/api/v1/products/?organization_id={world.organization.pk}"
    assert client.get(scope).status_code == 403


@pytest.mark.covers("T43")
def test_a_former_admin_is_rejected_immediately(world: World) -> None:
    Membership.objects.filter(user=world.people["admin"]).update(role="MEMBER")

    response = world.client("admin").get(f"/api/v1/organizations/{world.organization.pk}/members")

    assert response.status_code == 403


def with_query(row: Row, world: World, **parameters: object) -> str:
    """Return the list's path with additional query parameters."""
    path = path_of(row, world)
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{path}{'&' if '?' in path else '?'}{query}"


@pytest.mark.covers("T48")
@pytest.mark.parametrize("row", [*LIST_ROWS, *ARRAY_ROWS], ids=str)
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("skip", "-1", "too_small"),
        ("skip", "1000000000", "too_large"),
        ("limit", "0", "too_small"),
        ("limit", "-5", "too_small"),
        ("limit", MAX_LIST_LENGTH + 1, "too_large"),
        ("limit", "9" * 5000, "too_large"),
        ("limit", "ten", "int_parsing"),
        ("limit", "1e3", "int_parsing"),
    ],
)
def test_the_bounds_of_a_list_are_enforced(
    row: Row, name: str, value: str, code: str, world: World
) -> None:
    response = response_to(row, "superuser", world, path=with_query(row, world, **{name: value}))

    assert response.status_code == 422
    [issue] = error_detail(response)
    assert issue["loc"] == ["query", name]
    assert issue["type"] in {code, "string_too_long", "int_parsing"}


@pytest.mark.covers("T48")
@pytest.mark.parametrize("row", LIST_ROWS, ids=str)
def test_a_list_is_data_and_count(row: Row, world: World) -> None:
    full_list = json.loads(response_to(row, "superuser", world).content)
    part = json.loads(
        response_to(row, "superuser", world, path=with_query(row, world, skip=1, limit=1)).content
    )
    page_after_end = json.loads(
        response_to(row, "superuser", world, path=with_query(row, world, skip=5000)).content
    )

    assert set(full_list) == {"data", "count"}
    assert full_list["count"] == len(full_list["data"])
    assert part == {"data": full_list["data"][1:2], "count": full_list["count"]}
    assert page_after_end == {"data": [], "count": full_list["count"]}
    assert full_list["data"] == sorted(full_list["data"], key=lambda row: row["created_at"])


@pytest.mark.covers("T48")
@pytest.mark.parametrize("row", ARRAY_ROWS, ids=str)
def test_an_array_is_paged_like_a_list(row: Row, world: World) -> None:
    owners = [world.people["superuser"], world.people["owner"]]
    for user in owners:
        organization = world.organization if user == owners[1] else None
        ExportConfiguration.objects.create(user=user, organization=organization)

    full_list = json.loads(response_to(row, "superuser", world).content)
    part = json.loads(
        response_to(row, "superuser", world, path=with_query(row, world, skip=1, limit=1)).content
    )

    assert len(full_list) >= 2
    assert part == full_list[1:2]
    assert full_list == sorted(full_list, key=lambda row: row["created_at"])


@pytest.mark.covers("T48")
@pytest.mark.parametrize("row", [*LIST_ROWS, *ARRAY_ROWS], ids=str)
def test_a_list_takes_three_queries_and_those_for_the_caller(
    row: Row, world: World, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    owner_fields = {"user": world.people["owner"], "organization": world.organization}
    Product.objects.bulk_create([Product(name=f"P{n}", **owner_fields) for n in range(30)])
    client = world.client("owner")
    is_scoped = "organization_id" in row.query or "org_id" in row.ids
    permission_queries = 1 if is_scoped else 0

    with django_assert_max_num_queries(1 + 3 + permission_queries):
        client.get(with_query(row, world, limit=10))
