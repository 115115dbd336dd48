"""All parts of the OpenAPI document have descriptions and follow the naming rules."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from media.rules.file_types.content_types import FILE_TYPES
from media.rules.limits import MAX_FILE_SIZE
from sartiq.core.api.issue_codes import CODES
from sartiq.core.management.commands.check_openapi import document
from sartiq.settings.environment import Environment

VERBS = (
    *("list", "get", "create", "update", "delete", "cancel", "retry", "preview", "download"),
    *("attach", "confirm", "heal", "restore", "serve", "upload", "refresh", "test"),
)
VERBS_OF_METHODS = {
    "get": {"list", "get", "download", "serve"},
    "patch": {"update"},
    "put": {"update"},
    "delete": {"delete"},
}
# Names from the specification and OAuth2, and schemas for other purposes.
OTHER_SCHEMAS = {
    *("HTTPValidationError", "ValidationError", "Error", "Message", "Token"),
    *("PresignedUrlRequest", "PresignedUrlResponse", "AccessTokenRequest", "RefreshTokenRequest"),
    *("PresignedUrlBatchRequest", "PresignedUrlBatchResponse", "PresignedUrlError"),
    *("HealResponse", "MetadataAdapterVisibility", "ExportPreview"),
}
ID = "123e4567-e89b-12d3-a456-426614174000"
TEMPLATE = "{brand}_{product_sku}_{shot_type}_v{version}"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


@pytest.fixture(scope="module")
def schemas(schema: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = schema["components"]["schemas"]
    return schemas


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in schema["paths"].values():
        yield from methods.items()


def test_days_that_are_a_setting_are_stated_as_its_default(schema: dict[str, Any]) -> None:
    texts = [operation["description"] for _, operation in operations(schema)]
    texts += [
        response.get("description", "")
        for _, operation in operations(schema)
        for response in operation["responses"].values()
    ]

    stated_periods = {match for text in texts for match in re.findall(r"\S+ \S+ \S+ days\b", text)}

    assert stated_periods == {f"default for {Environment.model_fields['TRASH_DAYS'].default} days"}


def test_every_operation_has_a_summary_a_description_and_a_described_tag(
    schema: dict[str, Any],
) -> None:
    described_tags = {tag["name"] for tag in schema["tags"] if tag["description"]}

    for _, operation in operations(schema):
        assert operation["summary"] == operation["operationId"].replace("_", " ").title()
        assert operation["description"].strip()
        assert len(operation["tags"]) == 1
        assert set(operation["tags"]) <= described_tags


def test_every_tag_is_used(schema: dict[str, Any]) -> None:
    used_tags = {tag for _, operation in operations(schema) for tag in operation["tags"]}

    assert used_tags == {entry["name"] for entry in schema["tags"]}


def test_every_parameter_has_a_type_and_a_description(schema: dict[str, Any]) -> None:
    for _, operation in operations(schema):
        for parameter in operation.get("parameters", []):
            assert parameter["description"].strip(), parameter
            assert parameter["schema"].get("type") or "$ref" in parameter["schema"], parameter


def test_every_response_has_a_description(schema: dict[str, Any]) -> None:
    for _, operation in operations(schema):
        for response in operation["responses"].values():
            assert "$ref" in response or response["description"].strip()


def test_every_schema_and_property_has_a_title_and_a_description(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        assert schema["title"] == name
        assert schema["description"].strip(), name
        for key, field in schema.get("properties", {}).items():
            assert field["description"].strip(), (name, key)
            assert field.get("title") or "$ref" in str(field), (name, key)


def test_operation_ids_start_with_the_verb_of_their_method(schema: dict[str, Any]) -> None:
    for method, operation in operations(schema):
        verb, _, noun = operation["operationId"].partition("_")
        assert noun
        assert verb in VERBS_OF_METHODS.get(method, VERBS), operation["operationId"]


def test_schemas_are_named_after_their_use(schemas: dict[str, Any]) -> None:
    objects = {name for name, schema in schemas.items() if schema.get("type") == "object"}
    other_names = {name for name in objects if not re.search("(Create|Update|Public|List)$", name)}

    assert other_names == OTHER_SCHEMAS


def test_bodies_are_named_after_their_method(schema: dict[str, Any]) -> None:
    suffixes = {"post": "Create", "patch": "Update"}
    for method, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert name in OTHER_SCHEMAS or name.endswith(suffixes[method])


def test_the_document_has_a_licence_and_a_server(schema: dict[str, Any]) -> None:
    assert schema["info"]["license"]["name"]
    assert schema["info"]["description"]
    assert [server["url"] for server in schema["servers"]] == ["/"]


def test_examples_are_those_of_the_specification(schemas: dict[str, Any]) -> None:
    assert schemas["ExportConfigurationPublic"]["example"] == {
        "created_at": "2025-01-01T00:00:00Z",
        "id": ID,
        "image_format": "webp",
        "metadata_adapter": "default",
        "name": "Default",
        "naming_convention_template": TEMPLATE,
        "updated_at": "2025-01-01T00:00:00Z",
        "user_id": "123e4567-e89b-12d3-a456-426614174001",
    }
    assert schemas["ExportConfigurationCreate"]["example"] == {
        "image_format": "webp",
        "metadata_adapter": "default",
        "naming_convention_template": TEMPLATE,
    }
    assert schemas["ExportConfigurationUpdate"]["example"] == {
        "image_format": "jpeg",
        "metadata_adapter": "ovs",
    }


def test_the_schema_of_presigning_has_its_types_and_bounds(schemas: dict[str, Any]) -> None:
    size = {"type": "integer", "minimum": 1, "maximum": MAX_FILE_SIZE}
    properties = schemas["PresignedUrlRequest"]["properties"]

    assert properties["file_size"]["anyOf"] == [size, {"type": "null"}]
    assert properties["size"]["anyOf"] == [size, {"type": "null"}]
    assert schemas["ContentType"]["enum"] == list(FILE_TYPES)


def test_error_types_are_an_enum(schemas: dict[str, Any]) -> None:
    assert schemas["ValidationErrorType"]["enum"] == sorted(CODES)


def test_the_csv_of_errors_is_a_separate_operation(schema: dict[str, Any]) -> None:
    path = "/api/v1/bulk-upload/{job_id}/errors"
    parameters = {parameter["name"] for parameter in schema["paths"][path]["get"]["parameters"]}
    response = schema["paths"][f"{path}.csv"]["get"]["responses"]["200"]

    assert {"skip", "limit", "format"} <= parameters
    assert set(response["content"]) == {"text/csv"}
