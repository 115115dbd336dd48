"""Hooks that build the OpenAPI document: our error schemas, our ids, one spelling per route."""

from typing import Any

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, is_list_serializer
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from sartiq.core.api.query import NoQuery, query_serializer_of
from sartiq.core.api.schema import refusals
from sartiq.core.api.schema.conditional_requests import describe_conditions, describe_repetition

ERROR_ANSWER = {"$ref": "#/components/schemas/Error"}
CONFLICT = OpenApiResponse(ERROR_ANSWER, description="Conflict with the current state")
NULL = {"$ref": "#/components/schemas/Null"}
ANNOTATIONS = {"title", "description", "default", "readOnly", "writeOnly", "examples"}
# What a class may be called for what it does; the document says it in its own words.
PARTS = ("Out", "In", "Change", "Update")
SUCCESS = "Successful response"


class SartiqAutoSchema(AutoSchema):
    """Adds to every operation the refusals it may answer, and names shapes plainly."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        """Return the operation with the shared refusals filled in."""
        operation: dict[str, Any] | None = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is not None:
            responses = operation["responses"]
            for response in responses.values():
                response["description"] = response.get("description") or SUCCESS
            refusals.add_refusals(operation, method)
            if "requestBody" in operation and self._body_names_an_organization():
                refusals.add(responses, "404")
            describe_repetition(operation)
            if refusals.is_secured(operation):
                describe_conditions(operation, method)
            refusals.add_headers(responses)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _body_names_an_organization(self) -> bool:
        body = force_instance(self.get_request_serializer())  # type: ignore[no-untyped-call]  # untyped library
        return "organization_id" in getattr(body, "fields", {})

    def get_summary(self) -> str:
        """Return the operation's id as a title, as the specification does."""
        return self.get_operation_id().replace("_", " ").title()

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters the handler declares."""
        declared = query_serializer_of(self.view, self.method)
        return [] if declared is NoQuery else [declared]

    def get_paginated_name(self, serializer_name: str) -> str:
        """Name a part of a list after what it holds."""
        return f"{serializer_name.removesuffix('Public')}List"

    def _get_serializer_name(
        self, serializer: Any, direction: str, *args: Any, **kwargs: Any
    ) -> str:
        """Return `XCreate`, `XUpdate` or `XPublic`, or the name the serializer gives itself."""
        if is_list_serializer(serializer):
            return self._get_serializer_name(serializer.child, direction, *args, **kwargs)
        name_override: str | None = getattr(serializer, "schema_name", None)
        if name_override is not None:
            return name_override
        name_override = get_override(serializer, "component_name")
        if name_override is not None:
            return name_override
        name = type(serializer).__name__
        for part in PARTS:
            name = name.removesuffix(part)
        if direction == "response":
            return f"{name}Public"
        return f"{name}Create" if self.method == "POST" else f"{name}Update"

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        """Say of a model's answer what is true: every field of it is always there."""
        shape = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # untyped library
        if direction == "response" and isinstance(serializer, serializers.ModelSerializer):
            shape["required"] = sorted(shape["properties"])
        example = getattr(serializer, "schema_example", None)
        if example is not None:
            shape["example"] = example
        return shape


def keep_canonical_paths(endpoints: list[Any]) -> list[Any]:
    """Leave out the root spellings of routes whose canonical place is under /api/v1."""
    return [entry for entry in endpoints if entry[0].startswith(("/api/v1/", "/files/"))]


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared error schemas and answers, and the format of every path id."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(refusals.SCHEMAS)
    components["responses"] = refusals.shared_answers()
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _format_id(parameter)
    schemas.pop("Null", None)
    components["schemas"] = {name: _plainly(shape) for name, shape in sorted(schemas.items())}
    return result


def _format_id(parameter: dict[str, Any]) -> None:
    name = parameter["name"]
    if parameter["in"] == "path" and (name == "id" or name.endswith("_id")):
        parameter["schema"] = {"type": "string", "format": "uuid"}


def _plainly(shape: Any) -> Any:
    """Say what may be null, and what has a default, as the specification does."""
    if isinstance(shape, list):
        return [_plainly(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    plain = {name: _plainly(value) for name, value in shape.items()}
    kinds = plain.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        return _nullable(plain, [kind for kind in kinds if kind != "null"])
    if NULL in plain.get("oneOf", []):
        choices = [{"type": "null"} if each == NULL else each for each in plain.pop("oneOf")]
        return {"anyOf": choices, **plain}
    if len(plain.get("allOf", [])) == 1:
        [only] = plain.pop("allOf")
        return {**only, **plain}
    return plain


def _nullable(plain: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
    [kind] = kinds
    plain_schema = {
        name: value for name, value in plain.items() if name not in {*ANNOTATIONS, "type"}
    }
    notes = {name: value for name, value in plain.items() if name in ANNOTATIONS}
    return {"anyOf": [{"type": kind, **plain_schema}, {"type": "null"}], **notes}
