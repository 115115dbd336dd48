"""PATCH of each field with null, values of other types, and values out of range."""

import json
from typing import Any

import pytest
from django.http import HttpResponse

from sartiq.core.management.commands.check_openapi import document
from tests.api.matrix import ROWS
from tests.api.responses import require_error_format
from tests.api.row_requests import ROUTES, path_of
from tests.api.rows import Row
from tests.api.world import World

PATCH_ROWS = [
    row for row in ROWS if row.route.startswith("PATCH ") and "missing" not in row.ids.values()
]
VALUES_OF_OTHER_TYPES: dict[str, list[Any]] = {
    "string": [5, True, ["a"], {"a": 1}],
    "integer": ["5", 1.5, True, [1]],
    "number": ["5", True, [1.5]],
    "boolean": ["true", 1, [True]],
    "array": ["a", {"0": "a"}, 5],
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def fields_of(schema: dict[str, Any], row: Row) -> dict[str, dict[str, Any]]:
    """Return the fields that a PATCH accepts, with their schemas."""
    schemas = schema["components"]["schemas"]
    operation = schema["paths"][ROUTES[row.route].path]["patch"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    properties = schemas[reference.rpartition("/")[2]]["properties"]
    return {name: resolve(schemas, field) for name, field in properties.items()}


def resolve(schemas: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema with the schema it refers to in place of the reference."""
    if "$ref" in field:
        referenced_schema: dict[str, Any] = schemas[field["$ref"].rpartition("/")[2]]
        return referenced_schema
    if "anyOf" in field:
        inner_schema = resolve(schemas, field["anyOf"][0])
        return inner_schema | {"type": [inner_schema["type"], "null"]}
    return field


def patch(row: Row, world: World, body: Any) -> HttpResponse:
    response: HttpResponse = world.client("superuser").patch(path_of(row, world), body)
    return response


def issues_of(response: HttpResponse) -> list[dict[str, Any]]:
    assert response.status_code == 422, response.content
    issues: list[dict[str, Any]] = require_error_format(422, response.content, response.headers)
    return issues


@pytest.mark.covers("T44")
@pytest.mark.parametrize(
    "row", [row for row in PATCH_ROWS if row.body != {"role": "admin"}], ids=str
)
def test_an_empty_patch_changes_nothing(row: Row, world: World) -> None:
    first = json.loads(patch(row, world, {}).content)

    client = world.client("superuser")
    without_body = client.generic("PATCH", path_of(row, world), content_type="application/json")
    unknown_field_response = patch(row, world, {"unknown_field": 1})

    for response in (without_body, unknown_field_response):
        assert response.status_code == 200
        assert _without_updated_at(json.loads(response.content)) == _without_updated_at(first)


def _without_updated_at(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "updated_at"}


@pytest.mark.covers("T44")
@pytest.mark.parametrize("row", PATCH_ROWS, ids=str)
def test_null_is_accepted_only_where_the_schema_allows_it(
    row: Row, world: World, schema: dict[str, Any]
) -> None:
    for name, field in fields_of(schema, row).items():
        response = patch(row, world, {name: None})
        if "null" in field.get("type", ()):
            assert response.status_code == 200, (name, response.content)
        else:
            [issue] = issues_of(response)
            assert (issue["loc"], issue["type"]) == (["body", name], "null_not_allowed")


@pytest.mark.covers("T44")
@pytest.mark.parametrize("row", PATCH_ROWS, ids=str)
def test_a_value_of_another_type_is_rejected_at_its_field(
    row: Row, world: World, schema: dict[str, Any]
) -> None:
    for name, field in fields_of(schema, row).items():
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for value in VALUES_OF_OTHER_TYPES[next(kind for kind in kinds if kind != "null")]:
            issues = issues_of(patch(row, world, {name: value}))
            assert issues[0]["loc"][:2] == ["body", name], (name, value, issues)


@pytest.mark.covers("T44")
@pytest.mark.parametrize("row", PATCH_ROWS, ids=str)
def test_a_value_outside_an_enum_is_rejected(
    row: Row, world: World, schema: dict[str, Any]
) -> None:
    for name, field in fields_of(schema, row).items():
        for value in ("purple", "", "OWNER ", "ready"):
            if "enum" in field:
                [issue] = issues_of(patch(row, world, {name: value}))
                assert (issue["loc"], issue["type"]) == (["body", name], "enum")


@pytest.mark.covers("T44")
@pytest.mark.parametrize("row", PATCH_ROWS, ids=str)
def test_a_text_that_is_too_long_is_rejected(
    row: Row, world: World, schema: dict[str, Any]
) -> None:
    for name, field in fields_of(schema, row).items():
        if "maxLength" in field:
            text = "a" * (field["maxLength"] + 1)
            issues = {issue["type"] for issue in issues_of(patch(row, world, {name: text}))}
            assert "string_too_long" in issues or "email" in issues, (name, issues)
