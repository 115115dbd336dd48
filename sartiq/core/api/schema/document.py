"""Hooks that build the OpenAPI document: error schemas, id formats, one path per route."""

from typing import Any

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, is_list_serializer
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers

from sartiq.core.api.query import NoQuery, query_serializer_of
from sartiq.core.api.schema import error_responses
from sartiq.core.api.schema.conditional_requests import (
    describe_conditions,
    describe_idempotency_key,
)

ERROR_RESPONSE = {"$ref": "#/components/schemas/Error"}
CONFLICT = OpenApiResponse(ERROR_RESPONSE, description="Conflict with the current state")
NULL = {"$ref": "#/components/schemas/Null"}
ANNOTATIONS = {"title", "description", "default", "readOnly", "writeOnly", "examples"}
# Suffixes of serializer classes that component names leave out.
CLASS_SUFFIXES = ("Out", "In", "Change", "Update")
SUCCESS = "Successful response"


class SartiqAutoSchema(AutoSchema):
    """Adds the possible error responses to every operation, and chooses component names."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        """Return the operation with the shared error responses added."""
        operation: dict[str, Any] | None = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is not None:
            responses = operation["responses"]
            for response in responses.values():
                response["description"] = response.get("description") or SUCCESS
            error_responses.add_errors(operation, method)
            if "requestBody" in operation and self._body_names_an_organization():
                error_responses.add(responses, "404")
            describe_idempotency_key(operation)
            if error_responses.is_secured(operation):
                describe_conditions(operation, method)
            error_responses.add_headers(responses)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _body_names_an_organization(self) -> bool:
        body = force_instance(self.get_request_serializer())  # type: ignore[no-untyped-call]  # untyped library
        return "organization_id" in getattr(body, "fields", {})

    def get_summary(self) -> str:
        """Return the operation's id in title case."""
        return self.get_operation_id().replace("_", " ").title()

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters the handler declares."""
        declared = query_serializer_of(self.view, self.method)
        return [] if declared is NoQuery else [declared]

    def get_paginated_name(self, serializer_name: str) -> str:
        """Name the schema of a page after its items."""
        return f"{serializer_name.removesuffix('Public')}List"

    def _get_serializer_name(
        self, serializer: Any, direction: str, *args: Any, **kwargs: Any
    ) -> str:
        """Return `XCreate`, `XUpdate` or `XPublic`, or the name the serializer gives itself."""
        if is_list_serializer(serializer):
            return self._get_serializer_name(serializer.child, direction, *args, **kwargs)
        if isinstance(serializer, PolymorphicProxySerializer):
            return str(serializer.component_name)
        name_override: str | None = getattr(serializer, "schema_name", None)
        if name_override is not None:
            return name_override
        name_override = get_override(serializer, "component_name")
        if name_override is not None:
            return name_override
        name = type(serializer).__name__
        for suffix in CLASS_SUFFIXES:
            name = name.removesuffix(suffix)
        if direction == "response":
            return f"{name}Public"
        return f"{name}Create" if self.method == "POST" else f"{name}Update"

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        """Mark every field of a model's response as required: all are always present."""
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # untyped library
        if direction == "response" and isinstance(serializer, serializers.ModelSerializer):
            schema["required"] = sorted(schema["properties"])
        example = getattr(serializer, "schema_example", None)
        if example is not None:
            schema["example"] = example
        return schema


def keep_canonical_paths(endpoints: list[Any]) -> list[Any]:
    """Drop the aliases of routes whose canonical path is under /api/v1."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(("/api/v1/", "/files/"))]


def postprocess_schema(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared error schemas and responses, and the format of every path id."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(error_responses.SCHEMAS)
    components["responses"] = error_responses.shared_responses()
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _format_id(parameter)
    schemas.pop("Null", None)
    components["schemas"] = {name: _simplified(schema) for name, schema in sorted(schemas.items())}
    return result


def _format_id(parameter: dict[str, Any]) -> None:
    name = parameter["name"]
    if parameter["in"] == "path" and (name == "id" or name.endswith("_id")):
        parameter["schema"] = {"type": "string", "format": "uuid"}


def _simplified(schema: Any) -> Any:
    """Return a schema with `anyOf` for nullable values and without `allOf` of a single schema."""
    if isinstance(schema, list):
        return [_simplified(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    simplified = {name: _simplified(value) for name, value in schema.items()}
    types = simplified.get("type")
    if isinstance(types, list) and "null" in types:
        return _nullable(simplified, [name for name in types if name != "null"])
    if NULL in simplified.get("oneOf", []):
        choices = simplified.pop("oneOf")
        any_of = [{"type": "null"} if choice == NULL else choice for choice in choices]
        return {"anyOf": any_of, **simplified}
    if len(simplified.get("allOf", [])) == 1:
        [only] = simplified.pop("allOf")
        return {**only, **simplified}
    return simplified


def _nullable(schema: dict[str, Any], types: list[str]) -> dict[str, Any]:
    [type_name] = types
    constraints = {
        name: value for name, value in schema.items() if name not in {*ANNOTATIONS, "type"}
    }
    annotations = {name: value for name, value in schema.items() if name in ANNOTATIONS}
    return {"anyOf": [{"type": type_name, **constraints}, {"type": "null"}], **annotations}
