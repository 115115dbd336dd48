from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from sartiq.core.management.commands.check_openapi import document

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def operations(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_published_document_describes_the_routes() -> None:
    call_command("check_openapi", verbosity=0)


def test_difference_fails_with_a_hint(tmp_path: Path) -> None:
    document_path = tmp_path / "openapi.yaml"
    call_command("check_openapi", write=True, file=document_path)
    document_path.write_text(document_path.read_text().replace("version: 0.1.0", "version: 9.9.9"))

    with pytest.raises(CommandError, match=r"(?s)--write.*-  version: 9\.9\.9\n\+  version: 0"):
        call_command("check_openapi", file=document_path)


def test_missing_document_fails(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="out of date"):
        call_command("check_openapi", file=tmp_path / "absent.yaml")


def test_warning_of_the_generator_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def warning(*args: object, **kwargs: object) -> dict[str, Any]:
        GENERATOR_STATS.emit("two shapes share a name", "warning")
        return {}

    monkeypatch.setattr(SchemaGenerator, "get_schema", warning)

    with pytest.raises(CommandError, match="warned"):
        call_command("check_openapi", write=True, file=tmp_path / "openapi.yaml")

    assert list(tmp_path.iterdir()) == []
    GENERATOR_STATS.reset()


def test_operation_ids_are_unique_and_snake_case(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]

    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() and name.islower() for name in names)


def test_only_public_routes_need_no_token(schema: dict[str, Any]) -> None:
    open_routes = {
        operation["operationId"]
        for _, _, operation in operations(schema)
        if operation.get("security", [{}]) == [{}]
    }
    secured = [
        operation["security"]
        for _, _, operation in operations(schema)
        if operation["operationId"] not in open_routes
    ]

    assert open_routes == {
        "create_access_token",
        "refresh_access_token",
        "serve_file",
        "upload_lora",
    }
    assert all(security == [{"OAuth2PasswordBearer": []}] for security in secured)
    assert schema["components"]["securitySchemes"] == {
        "OAuth2PasswordBearer": {
            "type": "oauth2",
            "flows": {"password": {"tokenUrl": "/api/v1/login/access-token", "scopes": {}}},
        }
    }


def test_secured_operations_list_their_errors(schema: dict[str, Any]) -> None:
    for path, _, operation in operations(schema):
        responses = operation["responses"]
        assert {"400", "411", "415", "422", "503"} <= set(responses)
        if operation.get("security", [{}]) != [{}]:
            assert {"401", "403"} <= set(responses)
        if "{" in path:
            assert "404" in responses
        if "requestBody" in operation:
            assert {"408", "413"} <= set(responses)
            assert operation["requestBody"]["required"] is True


def test_error_schemas_match_the_specification(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    response = schema["components"]["responses"]["Invalid"]["content"]["application/json"]

    assert response["schema"] == {"$ref": "#/components/schemas/HTTPValidationError"}
    assert schemas["HTTPValidationError"]["properties"]["detail"]["items"] == {
        "$ref": "#/components/schemas/ValidationError"
    }
    assert schemas["ValidationError"]["required"] == ["loc", "msg", "type"]
    assert set(schemas["ValidationError"]["properties"]) == {"loc", "msg", "type", "input", "ctx"}


def test_headers_of_each_status_are_described(schema: dict[str, Any]) -> None:
    shared = schema["components"]["responses"]
    created = [
        operation["responses"]["201"]["headers"]
        for _, _, operation in operations(schema)
        if "201" in operation["responses"]
    ]

    assert created
    assert all("Location" in headers for headers in created)
    assert "Retry-After" in shared["TooManyRequests"]["headers"]
    assert "Retry-After" in shared["Unavailable"]["headers"]
    assert "WWW-Authenticate" in shared["NotAuthenticated"]["headers"]


def test_path_ids_are_uuids(schema: dict[str, Any]) -> None:
    ids = [
        parameter["schema"]
        for _, _, operation in operations(schema)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path" and parameter["name"].endswith("_id")
    ]

    assert ids
    assert all(schema == {"type": "string", "format": "uuid"} for schema in ids)


def test_lists_have_data_and_count(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    lists = {name: list_schema for name, list_schema in schemas.items() if name.endswith("List")}

    assert len(lists) >= 9
    for list_schema in lists.values():
        assert list_schema["required"] == ["data", "count"]
        assert set(list_schema["properties"]) == {"data", "count"}


def test_presigned_url_requires_only_a_name_and_a_type(schema: dict[str, Any]) -> None:
    list_schema = schema["components"]["schemas"]["PresignedUrlRequest"]

    assert list_schema["required"] == ["content_type", "filename"]
    assert {"folder", "file_size", "size", "sha256", "organization_id"} < set(
        list_schema["properties"]
    )


def test_retired_route_is_deprecated_with_a_410(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/api/v1/uploads/admin/upload-lora"]["post"]

    assert operation["deprecated"] is True
    assert "410" in operation["responses"]
    assert not any(status.startswith("2") for status in operation["responses"])


def test_redirect_is_described(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/files/{file_path}"]["get"]
    parameter = next(
        parameter for parameter in operation["parameters"] if parameter["name"] == "type"
    )

    assert "Location" in operation["responses"]["302"]["headers"]
    assert set(parameter["schema"]["enum"]) == {"webp", "jpeg", "png", "avif", "gif"}


def test_only_routes_of_the_product_are_listed(schema: dict[str, Any]) -> None:
    paths = set(schema["paths"])

    assert all(path.startswith(("/api/v1/", "/files/")) for path in paths)
    assert not any("local" in path or path.startswith("/api/v1/admin") for path in paths)


def test_conditional_headers_and_etags_are_described(schema: dict[str, Any]) -> None:
    for _, method, operation in operations(schema):
        if not operation.get("security") or {} in operation["security"]:
            continue
        headers = {parameter["name"] for parameter in operation.get("parameters", [])}
        if method in {"patch", "delete"}:
            assert "412" in operation["responses"]
            assert "If-Match" in headers
        if method == "get" and "application/json" in operation["responses"].get("200", {}).get(
            "content", {}
        ):
            assert "ETag" in operation["responses"]["200"]["headers"]
            assert {"304", "412"} <= set(operation["responses"])
            assert {"If-Match", "If-None-Match"} <= headers


def test_a_repeated_create_gets_a_retry_after(schema: dict[str, Any]) -> None:
    repeatable = [
        operation
        for _, _, operation in operations(schema)
        if any(
            parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", [])
        )
    ]

    assert len(repeatable) >= 7
    assert all(
        "Retry-After" in operation["responses"]["409"]["headers"] for operation in repeatable
    )
