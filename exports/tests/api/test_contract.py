"""Every operation of `contract/export_configuration.json`, checked against its schemas."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from jsonschema import ValidationError

from accounts.models import User
from accounts.tests.factories import client_of
from exports.models import ExportConfiguration
from exports.tests.conftest import People
from exports.tests.contract.specification import (
    ERROR,
    OPERATIONS,
    SCHEMAS,
    VALIDATION_ERROR,
    Operation,
    require_valid,
)
from exports.tests.factories import ConfigurationFactory
from sartiq.core.management.commands.check_openapi import document

pytestmark = pytest.mark.django_db
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
ON_ONE_CONFIGURATION = [
    operation
    for operation in OPERATIONS
    # Neither the lists, whose paths end in "configurations", nor creation.
    if operation.method != "POST" and not operation.path.endswith("s")
]
PUBLIC = "ExportConfigurationPublic"


@pytest.fixture
def ids(people: People) -> dict[str, str]:
    """The ids of a personal configuration, of its user and of an organization with another one."""
    personal = ConfigurationFactory.create(user=people.admin)
    ConfigurationFactory.create(user=people.admin, organization=people.organization)
    return {
        "config_id": str(personal.pk),
        "user_id": str(people.admin.pk),
        "org_id": str(people.organization.pk),
    }


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return document()


def call(operation: Operation, caller: User | None, ids: dict[str, str], body: Any) -> HttpResponse:
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    client: Any = client_of(caller)
    arguments = {} if operation.request is None else {"data": body}
    response: HttpResponse = getattr(client, operation.method.lower())(path, **arguments)
    return response


def require_all_fields(body: dict[str, Any]) -> None:
    """Assert what the schema does not require: all fields are there, and times are in UTC."""
    assert set(body) >= set(SCHEMAS[PUBLIC]["properties"])
    for name in ("created_at", "updated_at"):
        assert body[name].endswith("Z")
        assert datetime.fromisoformat(body[name]).tzinfo is not None


def test_the_specification_has_seventeen_operations() -> None:
    assert len(OPERATIONS) == 17
    assert len({str(operation) for operation in OPERATIONS}) == 17


@each_operation
def test_success_is_as_specified(operation: Operation, people: People, ids: dict[str, str]) -> None:
    response = call(operation, people.admin, ids, {"image_format": "png"})

    assert response.status_code == operation.status
    if operation.response is None:
        assert response.content == b""
        return
    body = json.loads(response.content)
    require_valid(body, operation.response)
    if operation.response.get("$ref", "").endswith(PUBLIC):
        require_all_fields(body)
    for row in body if isinstance(body, list) else []:
        require_all_fields(row)


@each_operation
def test_a_request_without_a_token_is_rejected_with_401(
    operation: Operation, ids: dict[str, str]
) -> None:
    response = call(operation, None, ids, {})

    assert response.status_code == 401
    assert json.loads(response.content) == {"detail": "Not authenticated"}


@pytest.mark.covers("T40")
@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if "{" in operation.path], ids=str
)
def test_a_caller_without_access_is_rejected(
    operation: Operation, people: People, ids: dict[str, str]
) -> None:
    before = list(ExportConfiguration.objects.values())

    response = call(operation, people.outsider, ids, {"image_format": "png"})

    assert response.status_code == (404 if "config_id" in operation.path else 403)
    require_valid(json.loads(response.content), ERROR)
    assert list(ExportConfiguration.objects.values()) == before


@pytest.mark.parametrize("operation", ON_ONE_CONFIGURATION, ids=str)
def test_a_missing_configuration_is_a_404(
    operation: Operation, people: People, ids: dict[str, str]
) -> None:
    ExportConfiguration.objects.all().delete()

    response = call(operation, people.admin, ids, {"image_format": "png"})

    assert response.status_code == 404
    body = json.loads(response.content)
    assert body == {"detail": "Export configuration not found"}
    require_valid(body, ERROR)


@pytest.mark.covers("T44")
@pytest.mark.parametrize(
    ("body", "loc", "code"),
    [
        ({"image_format": "tiff"}, ["body", "image_format"], "enum"),
        ({"image_format": 5}, ["body", "image_format"], "string_type"),
        ({"metadata_adapter": "OVS"}, ["body", "metadata_adapter"], "enum"),
        ({"name": 5}, ["body", "name"], "string_type"),
        ({"name": ""}, ["body", "name"], "string_empty"),
        (
            {"naming_convention_template": "{nope}"},
            ["body", "naming_convention_template"],
            "template_invalid",
        ),
        (
            {"naming_convention_template": "x" * 201},
            ["body", "naming_convention_template"],
            "string_too_long",
        ),
        ([], ["body"], "object_type"),
    ],
)
@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.request], ids=str
)
def test_a_rejection_is_as_specified(  # noqa: PLR0917  a table of cases
    operation: Operation, body: Any, loc: list[str], code: str, people: People, ids: dict[str, str]
) -> None:
    before = list(ExportConfiguration.objects.values())

    response = call(operation, people.admin, ids, body)

    assert response.status_code == 422
    rejection = json.loads(response.content)
    require_valid(rejection, VALIDATION_ERROR)
    [issue] = rejection["detail"]
    assert (issue["loc"], issue["type"]) == (loc, code)
    assert list(ExportConfiguration.objects.values()) == before


@pytest.mark.parametrize("parameter", ["config_id", "user_id", "org_id"])
def test_a_malformed_id_is_as_specified(
    parameter: str, people: People, ids: dict[str, str]
) -> None:
    for operation in OPERATIONS:
        if parameter in operation.path:
            response = call(operation, people.admin, ids | {parameter: "7"}, {})

            assert response.status_code == 422
            body = json.loads(response.content)
            require_valid(body, VALIDATION_ERROR)
            assert body["detail"][0]["loc"] == ["path", parameter]


@each_operation
def test_the_openapi_document_has_the_operation(
    operation: Operation, openapi: dict[str, Any]
) -> None:
    documented = openapi["paths"][operation.path][operation.method.lower()]

    assert documented["summary"] == operation.title
    responses = {status for status in documented["responses"] if status < "300"}
    assert responses == {str(operation.status)}
    if operation.request is not None:
        assert (
            documented["requestBody"]["content"]["application/json"]["schema"] == operation.request
        )
    content = documented["responses"][str(operation.status)].get("content")
    if operation.response is None:
        assert content is None
    else:
        assert content["application/json"]["schema"] == operation.response


def comparable_property(declared: dict[str, Any]) -> Any:
    """Return the type, the format, the reference, nullability and the default of a property."""
    options = [option for option in declared.get("anyOf", [declared]) if option != {"type": "null"}]
    [schema] = options
    type_ = schema.get("type", [])
    types = {type_} if isinstance(type_, str) else set(type_)
    nullable = "null" in types or len(options) < len(declared.get("anyOf", [declared]))
    return (
        types - {"null"},
        schema.get("format"),
        schema.get("$ref"),
        nullable,
        declared.get("default"),
    )


@pytest.mark.parametrize(
    "name",
    [PUBLIC, "ExportConfigurationCreate", "ExportConfigurationUpdate", "Message"],
)
def test_schemas_have_the_fields_of_the_specification(name: str, openapi: dict[str, Any]) -> None:
    specified, documented = SCHEMAS[name], openapi["components"]["schemas"][name]

    assert set(documented["properties"]) == set(specified["properties"])
    assert set(documented.get("required", [])) >= set(specified.get("required", []))
    for field, described in specified["properties"].items():
        assert comparable_property(documented["properties"][field]) == comparable_property(
            described
        ), field


def test_enums_are_those_of_the_specification(openapi: dict[str, Any]) -> None:
    for name in ("MetadataAdapter", "ImageFormat"):
        assert openapi["components"]["schemas"][name]["enum"] == SCHEMAS[name]["enum"]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "7"},
        {"name": None},
        {"image_format": "WEBP"},
        {"metadata_adapter": "other"},
        {"naming_convention_template": 5},
        {"organization_id": "mine"},
    ],
)
def test_the_schemas_reject_invalid_bodies(change: dict[str, Any]) -> None:
    valid_body = {
        "id": str(uuid4()),
        "user_id": str(uuid4()),
        "name": "a",
        "metadata_adapter": "default",
        "image_format": "webp",
    }
    schema = {"$ref": f"#/components/schemas/{PUBLIC}"}
    require_valid(valid_body, schema)

    with pytest.raises(ValidationError):
        require_valid(valid_body | change, schema)
