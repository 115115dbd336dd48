"""No request can set a read-only field, on any route that writes (T41)."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import models

from accounts.models import Membership, Organization, User
from bulkupload.models import PhotoBatch, PhotoFile
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from exports.models import ExportConfiguration, ExportRun, MetadataAdapterVisibility
from media.models import MediaResource, Upload
from sartiq.core.management.commands.check_openapi import document
from tests.api.routes import Route
from tests.api.row_requests import ROUTES
from tests.api.world import World

FORGED_ID = UUID("019ab000-0000-7000-8000-00000000f0e6")
FORGED_TIME = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
# Names that no model has, but that clients may try because they are common elsewhere.
COMMON_NAMES = ["is_admin", "role", "owner", "owner_id", "organization", "deleted_at", "groups"]
V1 = "/api/v1"


@dataclass(frozen=True, kw_only=True)
class WritingRoute:
    """A route that writes rows of a model, with its caller, its body and the row it changes."""

    route: str
    model: type[models.Model]
    target: str = ""  # the sample object that it changes; empty if it creates one
    caller: str = "superuser"
    body: dict[str, Any]

    def __str__(self) -> str:
        return self.route


CATALOG: list[tuple[str, str, type[models.Model]]] = [
    ("products", "product", Product),
    ("subjects", "subject", Subject),
    ("looks", "look", Look),
    ("guidelines", "guideline", Guideline),
    ("production-requests", "request", ProductionRequest),
]
PHOTO_BATCH_ACTIONS = ("files", "uploaded", "tickets", "attach", "cancel", "retry")
IMAGE = {"filename": "a.webp", "content_type": "image/webp"}
NEW_USER = {"email": "new@example.com", "password": "long-enough-horse"}
MEMBERS = f"{V1}/organizations/{{org_id}}/members"
FIRST = "export-configuration"
CONFIGURATIONS = [
    *(
        WritingRoute(route=f"POST {path}", model=ExportConfiguration, body={})
        for path in (
            f"{V1}/{FIRST}/",
            f"/{FIRST}/",
            f"{V1}/users/me/{FIRST}",
            f"{V1}/users/{{user_id}}/{FIRST}",
            f"{V1}/users/organizations/{{org_id}}/{FIRST}",
        )
    ),
    *(
        WritingRoute(
            route=f"PATCH {V1}/users/{path}", model=ExportConfiguration, target=target, body={}
        )
        for path, target in (
            (f"me/{FIRST}", "configuration_of_superuser"),
            ("export-configurations/{config_id}", "configuration"),
            (f"{{user_id}}/{FIRST}", "configuration_of_colleague"),
            (f"organizations/{{org_id}}/{FIRST}", "configuration"),
        )
    ),
    WritingRoute(
        route=f"PUT {V1}/metadata-adapters/{{code}}/visibility",
        model=MetadataAdapterVisibility,
        target="visibility",
        body={"is_public": True},
    ),
]
WRITING_ROUTES = [
    *CONFIGURATIONS,
    *(
        WritingRoute(route=f"POST {V1}/{path}/", model=model, body={"name": "New"})
        for path, _, model in CATALOG
    ),
    *(
        WritingRoute(route=f"PATCH {V1}/{path}/{{entity_id}}", model=model, target=kind, body={})
        for path, kind, model in CATALOG
    ),
    WritingRoute(route=f"POST {V1}/users/", model=User, body=NEW_USER),
    WritingRoute(route=f"PATCH {V1}/users/{{user_id}}", model=User, target="colleague", body={}),
    WritingRoute(
        route=f"PATCH {V1}/users/me", model=User, target="member", caller="member", body={}
    ),
    WritingRoute(route=f"POST {V1}/organizations/", model=Organization, body={"name": "New"}),
    WritingRoute(
        route=f"PATCH {V1}/organizations/{{org_id}}",
        model=Organization,
        target="organization",
        body={},
    ),
    WritingRoute(route=f"POST {MEMBERS}", model=Membership, body={"user_id": "newcomer"}),
    WritingRoute(
        route=f"PATCH {MEMBERS}/{{user_id}}",
        model=Membership,
        target="membership",
        body={"role": "member"},
    ),
    WritingRoute(route=f"POST {V1}/uploads/presigned-url", model=Upload, body=IMAGE),
    WritingRoute(
        route=f"POST {V1}/exports/", model=ExportRun, body={"production_request_id": "request"}
    ),
    WritingRoute(
        route=f"PATCH {V1}/media-resources/{{resource_id}}",
        model=MediaResource,
        target="resource",
        body={},
    ),
    WritingRoute(
        route=f"POST {V1}/photo-batches/",
        model=PhotoBatch,
        body={"files": [IMAGE | {"file_size": 10}]},
    ),
    WritingRoute(
        route=f"PATCH {V1}/photo-batches/{{batch_id}}/files/{{file_id}}",
        model=PhotoFile,
        target="photo",
        body={},
    ),
]
WITHOUT_MODEL_FIELDS = {  # they write no row whose fields a client may set
    f"POST {V1}/login/access-token",
    f"POST {V1}/login/refresh-token",
    f"POST {V1}/login/test-token",
    f"POST {V1}/media-resources/heal",
    f"POST {V1}/media-resources/{{resource_id}}/restore",
    *(f"POST {V1}/{path}/{{entity_id}}/restore" for path, _, _ in CATALOG),
    f"POST {V1}/exports/preview",
    f"POST {V1}/uploads/presigned-urls",  # see media/tests/api/test_presigned_urls.py
    f"POST {V1}/uploads/admin/upload-lora",
    f"PUT {V1}/uploads/local/{{token}}",
    # Photos are added as they are created.
    *(f"POST {V1}/photo-batches/{{batch_id}}/{action}" for action in PHOTO_BATCH_ACTIONS),
}

# Routes with forms, which bulkupload/tests/api covers.
WITH_FORMS = {
    f"POST {root}/bulk-upload/{action}"
    for root in (V1, "")
    for action in ("", "{job_id}/retry", "{job_id}/cancel")
}


def test_every_writing_route_is_tested() -> None:
    write_routes = {
        name for name, route in ROUTES.items() if route.method in {"POST", "PUT", "PATCH"}
    }

    assert {
        writing_route.route for writing_route in WRITING_ROUTES
    } | WITHOUT_MODEL_FIELDS | WITH_FORMS == write_routes


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def writable(schema: dict[str, Any], route: Route) -> set[str]:
    """Return the fields that a client may send according to the schema."""
    documented_path = route.path if route.path.startswith(V1) else f"{V1}{route.path}"
    operation = schema["paths"][documented_path][route.method.lower()]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = schema["components"]["schemas"][reference.rpartition("/")[2]]
    return set(body["properties"])


def forgeries(model: type[models.Model], allowed: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield every field that a client may not set, with a value it never has otherwise."""
    for field in model._meta.concrete_fields:
        for name in {field.name, field.attname} - allowed:
            yield name, forged_value(field)
    yield from ((name, "OWNER") for name in COMMON_NAMES if name not in allowed)


def forged_value(field: Any) -> Any:
    if isinstance(field, models.UUIDField | models.ForeignKey):
        return str(FORGED_ID)
    if isinstance(field, models.DateTimeField):
        return FORGED_TIME.isoformat()
    if isinstance(field, models.BooleanField):
        return not field.get_default()
    if isinstance(field, models.IntegerField | models.FloatField):
        return 4242
    return "FORGED"


def target_of(writing_route: WritingRoute, world: World) -> UUID:
    if writing_route.target == "membership":
        return Membership.objects.get(user_id=world.ids["colleague"]).pk
    if writing_route.target == "member":
        return world.people["member"].pk
    return world.ids[writing_route.target]


def path_of(route: Route, world: World, target: UUID | None) -> str:
    path = route.path.replace("{org_id}", str(world.organization.pk))
    path = path.replace("{user_id}", str(world.ids["colleague"]))
    path = path.replace("{code}", "ovs").replace("{batch_id}", str(world.ids["batch"]))
    return re.sub(r"\{(entity|resource|config|file)_id\}", str(target), path)


def row_of(model: type[models.Model], pk: UUID) -> dict[str, Any]:
    values = dict(model._default_manager.filter(pk=pk).values().get())
    values.pop("updated_at")
    return values


@pytest.mark.covers("T41")
@pytest.mark.parametrize(
    "writing_route",
    [writing_route for writing_route in WRITING_ROUTES if writing_route.target],
    ids=str,
)
def test_a_change_leaves_read_only_fields(
    writing_route: WritingRoute, world: World, schema: dict[str, Any]
) -> None:
    route, target = ROUTES[writing_route.route], target_of(writing_route, world)
    client, path = world.client(writing_route.caller), path_of(route, world, target)
    before = row_of(writing_route.model, target)

    forged_values = list(forgeries(writing_route.model, writable(schema, route)))
    for name, value in forged_values:
        response = getattr(client, route.method.lower())(path, writing_route.body | {name: value})
        assert response.status_code == 200, (name, response.content)
        assert row_of(writing_route.model, target) == before, name

    assert len(forged_values) > 5


@pytest.mark.covers("T41")
@pytest.mark.parametrize(
    "writing_route",
    [writing_route for writing_route in WRITING_ROUTES if not writing_route.target],
    ids=str,
)
def test_a_creation_ignores_read_only_fields(
    writing_route: WritingRoute, world: World, schema: dict[str, Any]
) -> None:
    route = ROUTES[writing_route.route]
    client, path = world.client(writing_route.caller), path_of(route, world, None)
    body = writing_route.body | {
        name: str(world.ids[value])
        for name, value in writing_route.body.items()
        if isinstance(value, str) and value in world.ids
    }
    forged_values = dict(forgeries(writing_route.model, writable(schema, route)))
    existing_pks = set(writing_route.model._default_manager.values_list("pk", flat=True))

    response = client.post(path, body | forged_values)

    assert response.status_code in {200, 201, 202}, response.content
    created_row = writing_route.model._default_manager.exclude(pk__in=existing_pks).values().get()
    for name, value in forged_values.items():
        if name in created_row:
            assert str(created_row[name]) != str(value), name
    # The users of new members and configurations, which the body or the path names.
    named_users = {world.ids["newcomer"], world.ids["colleague"]}
    assert created_row.get("user_id") in {None, world.people[writing_route.caller].pk, *named_users}
    assert abs(created_row["created_at"] - dt.datetime.now(dt.UTC)).total_seconds() < 60
    assert len(forged_values) > 5
