"""Every route accepts only the query parameters that it declares, in one format, and once."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.urls import get_resolver
from rest_framework import serializers

from sartiq.core.api.query import query_serializer_of
from tests.api.matrix import ROWS
from tests.api.responses import require_error_format
from tests.api.row_requests import ROUTES, path_of, response_to
from tests.api.rows import Row
from tests.api.world import World

FREE_TEXTS = {"search", "q"}
# Routes that ignore unknown parameters.
LENIENT_ROUTES = (
    *("/files/", "/local-store/", "/health/", "/docs", "/redoc", "openapi.json"),
    *("upload-lora", "uploads/local/"),
)
STRICT_ROWS = [
    row
    for row in ROWS
    if not any(part in row.route for part in LENIENT_ROUTES)
    and "missing" not in row.ids.values()
    and row.superuser_status < 300
]
UUID = "018f2d3e-0000-7000-8000-00000000000a"
NOT_UUIDS = [
    f"urn:uuid:{UUID}",
    f"{{{UUID}}}",
    UUID.replace("-", ""),
    f"{UUID}%0A",
    f"%20{UUID}",
    UUID.replace("-0000-7000-", "0-0007-000-"),
    UUID.replace("018f", "0_8f"),
    quote(UUID.replace("1", "\u0661")),  # an Arabic digit
    "x",
    "",
]
NOT_NUMBERS = [
    "1_0",
    quote("\u0661\u0660"),
    "10%0A",
    "%2010",
    "+10",
    "1e1",
    "10.0",
    "0x10",
    "ten",
    "",
]


def parameters_of(row: Row) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the declared parameters of the row's route."""
    route = ROUTES[row.route]
    for name, entry in _views(get_resolver().url_patterns):
        if name == route.name:
            view = entry.cls()
            view.action = getattr(entry, "actions", {}).get(route.method.lower())
            return dict(query_serializer_of(view, route.method)().fields)
    raise LookupError(route.name)


def _views(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        if hasattr(entry, "url_patterns"):
            yield from _views(entry.url_patterns)
        elif hasattr(entry.callback, "cls"):
            yield str(entry.name), entry.callback


def request_with(row: Row, world: World, extra: str, *, method: str = "") -> HttpResponse:
    path = path_of(row, world)
    return response_to(
        row, "superuser", world, path=f"{path}{'&' if '?' in path else '?'}{extra}", method=method
    )


def issue_of(response: HttpResponse) -> Any:
    [issue] = require_error_format(response.status_code, response.content, response.headers)
    assert response.status_code == 422
    return issue


@pytest.mark.parametrize("row", STRICT_ROWS, ids=str)
def test_an_unknown_parameter_is_rejected(row: Row, world: World) -> None:
    for name in ("colour", "ordering", "format" if "errors" not in row.route else "kind"):
        issue = issue_of(request_with(row, world, f"{name}=1"))

        assert (issue["loc"], issue["type"]) == (["query", name], "unknown_parameter")


@pytest.mark.parametrize("row", STRICT_ROWS, ids=str)
def test_a_declared_parameter_is_neither_empty_nor_repeated(row: Row, world: World) -> None:
    names = {part.partition("=")[0] for part in row.query.lstrip("?").split("&")}
    for name in parameters_of(row).keys() - names:
        empty_response = request_with(row, world, f"{name}=")
        repeated_response = request_with(row, world, f"{name}=1&{name}=1")

        if name in FREE_TEXTS:
            assert empty_response.status_code == row.superuser_status
        else:
            assert issue_of(empty_response)["loc"] == ["query", name]
        issues = require_error_format(
            repeated_response.status_code, repeated_response.content, repeated_response.headers
        )
        assert (["query", name], "repeated_parameter") in [
            (issue["loc"], issue["type"]) for issue in issues
        ]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/docs", "/redoc", "/api/v1/openapi.json"]
)
def test_public_pages_ignore_unknown_parameters(world: World, path: str) -> None:
    client = world.client("anonymous")

    assert client.get(f"{path}?probe=lb-1&probe=&limit=1_0").status_code == 200


@pytest.mark.parametrize(
    "row", [row for row in STRICT_ROWS if row.route.startswith("GET")], ids=str
)
def test_head_reads_the_same_parameters(row: Row, world: World) -> None:
    assert request_with(row, world, "colour=1", method="HEAD").status_code == 422


@pytest.mark.parametrize(
    ("parameter", "suggestion"),
    [
        ("organisation_id=1", "organization_id"),
        ("organizationId=1", "organization_id"),
        ("limits=1", "limit"),
        ("Limit=1", "limit"),
        ("serach=a", "search"),
    ],
)
def test_a_misspelt_parameter_gets_a_suggestion(
    world: World, parameter: str, suggestion: str
) -> None:
    response = world.client("plain").get(f"/api/v1/products/?{parameter}")

    issue = issue_of(response)
    assert issue["ctx"] == {"suggestion": suggestion}
    assert issue["msg"] == f"Unknown parameter. Did you mean {suggestion}?"


@pytest.mark.parametrize("root", ["/api/v1", ""])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("resource", ["bulk-upload", "export-configuration"])
def test_paths_without_the_prefix_read_the_same_parameters(
    world: World, root: str, slash: str, resource: str
) -> None:
    client = world.client("plain")

    responses = [
        client.get(f"{root}/{resource}{slash}?{query}") for query in ("limits=1", "limit=")
    ]

    assert [response.status_code for response in responses] == [422, 422]


@pytest.mark.parametrize("value", NOT_UUIDS)
@pytest.mark.parametrize(
    "path",
    [
        "products/?organization_id=",
        "media-resources/?organization_id=",
        "media-resources/?entity_id=",
        "exports/?organization_id=",
        "bulk-upload/?organization_id=",
        "metadata-adapters/?organization_id=",
        "products/",
        "organizations/",
        "exports/",
        "bulk-upload/",
    ],
)
def test_an_id_has_one_spelling(world: World, path: str, value: str) -> None:
    if path.endswith("/") and not value:
        return  # the list itself

    issue = issue_of(world.client("superuser").get(f"/api/v1/{path}{value}"))

    assert issue["type"] == "uuid_parsing"


@pytest.mark.parametrize("value", [text for text in NOT_UUIDS if "%" not in text])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("looks/", "subject"),
        ("looks/", "export_configuration_id"),
        ("production-requests/", "guideline"),
        ("exports/", "production_request_id"),
        ("export-configuration/", "organization_id"),
    ],
)
def test_an_id_in_a_body_has_one_spelling(world: World, path: str, field: str, value: str) -> None:
    response = world.client("plain").post(f"/api/v1/{path}", {"name": "A", field: value})

    assert (issue_of(response)["loc"], issue_of(response)["type"]) == (
        ["body", field],
        "uuid_parsing",
    )


def test_an_id_in_upper_case_is_accepted(world: World) -> None:
    path = f"/api/v1/products/{str(world.ids['product']).upper()}"

    assert world.client("member").get(path).status_code == 200


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("name", ["limit", "skip"])
@pytest.mark.parametrize("path", ["products/", "users/me/export-configurations"])
def test_a_number_has_one_spelling(world: World, path: str, name: str, value: str) -> None:
    issue = issue_of(world.client("plain").get(f"/api/v1/{path}?{name}={value}"))

    assert (issue["loc"], issue["type"]) == (["query", name], "int_parsing")


@pytest.mark.parametrize("end", ["%0A", "%20", "a", ""])
def test_a_hash_has_one_spelling(world: World, end: str) -> None:
    client, digest = world.client("plain"), "a" * 64

    assert client.get(f"/api/v1/media-resources/?sha256={digest}").status_code == 200
    if end:
        response = client.get(f"/api/v1/media-resources/?sha256={digest}{end}")
        assert issue_of(response)["loc"] == ["query", "sha256"]


@pytest.mark.parametrize(
    "value", ["a" * 64 + "\n", " " + "a" * 64, "a" * 63 + "\u0661", "a" * 63, ""]
)
def test_a_hash_in_a_body_has_one_spelling(world: World, value: str) -> None:
    body = {"filename": "a.png", "content_type": "image/png", "sha256": value}

    response = world.client("plain").post("/api/v1/uploads/presigned-url", body)

    assert issue_of(response)["loc"] == ["body", "sha256"]


@pytest.mark.parametrize("field", ["grant_type", "scope", "client_id", "client_secret"])
def test_common_clients_sign_in_with_empty_fields(world: World, field: str) -> None:
    body = f"username=nobody%40example.com&password=wrong&{field}="

    response = world.client("anonymous").generic(
        "POST",
        "/api/v1/login/access-token",
        body,
        content_type="application/x-www-form-urlencoded",
    )

    assert response.status_code == 401


@pytest.mark.parametrize("body", ["username=&password=a", "username=a&password=", "username=a"])
@pytest.mark.parametrize("suffix", ["", "&unknown=1"])
def test_an_empty_name_or_password_does_not_sign_in(world: World, body: str, suffix: str) -> None:
    response = world.client("anonymous").generic(
        "POST",
        "/api/v1/login/access-token",
        body + suffix,
        content_type="application/x-www-form-urlencoded",
    )

    assert issue_of(response)["loc"][0] == "body"


def test_a_repeated_name_in_a_form_or_a_json_object_is_rejected(world: World) -> None:
    form = world.client("anonymous").generic(
        "POST",
        "/api/v1/login/access-token",
        "username=a&username=b&password=c",
        content_type="application/x-www-form-urlencoded",
    )
    json = world.client("plain").generic(
        "POST", "/api/v1/products/", '{"name": "a", "name": "b"}', content_type="application/json"
    )

    assert (issue_of(form)["loc"], issue_of(form)["type"]) == (
        ["body", "username"],
        "repeated_parameter",
    )
    assert issue_of(json)["type"] == "json_invalid"
