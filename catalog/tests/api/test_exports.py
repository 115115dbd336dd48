"""Exports over HTTP: what is selected, under which names, by whom, and what is answered."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from catalog.models import CatalogEntity, Guideline, Look, Product, ProductionRequest, Subject
from catalog.tests.conftest import Team
from exports.models import ExportConfiguration, ExportItem, ExportRun
from exports.services import conversion
from exports.tests.exporting import archive_of, objects, work_off
from media.models import Attachment, MediaResource, ObjectDeletion
from media.storage.memory import MemoryStore
from media.tests.factories import photo, ready
from sartiq.core.models import IdempotencyKey

EXPORTS = "/api/v1/exports/"


@pytest.fixture(autouse=True)
def _no_converter_stays() -> Iterator[None]:
    yield
    conversion.stop()


@pytest.fixture
def pictures(memory: MemoryStore, user: User) -> list[MediaResource]:
    return [ready(memory, user, photo(number)) for number in range(1, 5)]


def show(entity: CatalogEntity, slot: str, *resources: MediaResource) -> None:
    single = slot in {"cover_image", "back_image"}
    for position, resource in enumerate(resources):
        Attachment.objects.create(
            resource=resource,
            entity_type=entity.entity_type,
            entity_id=entity.pk,
            slot=slot,
            position=None if single else position,
        )


@pytest.fixture
def shoe(user: User, pictures: list[MediaResource]) -> Product:
    shoe = Product.objects.create(user=user, name="Oxford", sku="AW26", brand="Us", color="black")
    show(shoe, "images", pictures[2], pictures[3])
    show(shoe, "back_image", pictures[1])
    show(shoe, "cover_image", pictures[0])
    return shoe


def preview(client: APIClient, query: str = "", **body: Any) -> dict[str, Any]:
    answer = client.post(f"{EXPORTS}preview{query}", body)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def names(told: dict[str, Any]) -> list[str]:
    return [each["name"] for each in told["data"]]


def faults(answer: Any) -> list[tuple[Any, str]]:
    assert answer.status_code == 422, answer.json()
    return [(each["loc"], each["type"]) for each in answer.json()["detail"]]


def test_a_preview_tells_names_and_metadata(
    client: APIClient, shoe: Product, pictures: list[MediaResource]
) -> None:
    told = preview(client, product_ids=[shoe.pk])

    assert told["export_configuration"] == {
        "id": None,
        "name": "System default",
        "metadata_adapter": "default",
        "image_format": "webp",
        "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
    }
    assert told["metadata_files"] == ["metadata.json", "metadata.csv"]
    assert told["count"] == 4
    assert names(told) == [
        "Us_AW26_cover_v1.webp",
        "Us_AW26_back_v1.webp",
        "Us_AW26_image_v1.webp",
        "Us_AW26_image_v2.webp",
    ]
    assert told["data"][3] == {
        "name": "Us_AW26_image_v2.webp",
        "resource_id": str(pictures[3].pk),
        "values": {
            "brand": "Us",
            "product_sku": "AW26",
            "product_name": "Oxford",
            "color": "black",
            "shot_type": "image",
            "version": 2,
            "index": 4,
        },
    }


def test_a_preview_is_read_in_pieces(client: APIClient, shoe: Product) -> None:
    told = preview(client, "?skip=1&limit=2", product_ids=[shoe.pk])

    assert names(told) == ["Us_AW26_back_v1.webp", "Us_AW26_image_v1.webp"]
    assert told["count"] == 4


def test_a_preview_writes_nothing(client: APIClient, shoe: Product, memory: MemoryStore) -> None:
    models = (ExportRun, ExportItem, ExportConfiguration, ObjectDeletion, IdempotencyKey)
    before = [model._default_manager.count() for model in models], memory.keys()

    with CaptureQueriesContext(connection) as queries:
        preview(client, product_ids=[shoe.pk])

    assert ([model._default_manager.count() for model in models], memory.keys()) == before
    assert [each for each in queries if not each["sql"].startswith("SELECT")] == []


def test_a_look_brings_its_products_and_its_own_pictures(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    ada = Subject.objects.create(user=user, name="Ada", slug="ada")
    look = Look.objects.create(user=user, name="City", subject=ada)
    look.products.add(shoe)
    show(look, "reference_images", pictures[0])

    told = preview(client, look_ids=[look.pk])

    assert names(told)[-1] == "Us_AW26_reference_v1.webp"
    assert told["count"] == 5
    assert {each["values"]["look"] for each in told["data"]} == {"City"}
    assert {each["values"]["subject"] for each in told["data"]} == {"Ada"}


def test_a_picture_of_a_look_with_two_products_is_of_neither(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    look = Look.objects.create(user=user, name="City")
    look.products.add(shoe, Product.objects.create(user=user, name="Belt", brand="Other"))
    show(look, "reference_images", pictures[0])

    told = preview(client, look_ids=[look.pk])

    assert told["data"][-1]["values"] == {
        "look": "City",
        "shot_type": "reference",
        "version": 1,
        "index": 5,
    }


def test_a_production_request_brings_its_looks(
    client: APIClient, user: User, shoe: Product
) -> None:
    guideline = Guideline.objects.create(user=user, name="White")
    request = ProductionRequest.objects.create(user=user, name="Shoot 12", guideline=guideline)
    for name in ("City", "Beach"):
        look = Look.objects.create(user=user, name=name)
        look.products.add(shoe)
        request.looks.add(look)

    told = preview(client, production_request_id=request.pk)

    assert [each["values"]["look"] for each in told["data"]] == ["City"] * 4 + ["Beach"] * 4
    assert {each["values"]["production_request"] for each in told["data"]} == {"Shoot 12"}
    assert {each["values"]["guideline"] for each in told["data"]} == {"White"}
    assert len(set(names(told))) == 8
    assert "Us_AW26_cover_v1_2.webp" in names(told)


def test_ids_are_taken_in_their_order_and_once(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    belt = Product.objects.create(user=user, name="Belt", sku="B", brand="Us")
    show(belt, "cover_image", pictures[0])

    told = preview(client, product_ids=[belt.pk, shoe.pk, belt.pk])

    assert names(told)[:2] == ["Us_B_cover_v1.webp", "Us_AW26_cover_v1.webp"]
    assert told["count"] == 5


def test_queries_do_not_grow_with_what_is_selected(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    def asked(ids: list[UUID]) -> int:
        with CaptureQueriesContext(connection) as queries:
            preview(client, product_ids=ids)
        return len(queries)

    others = [Product.objects.create(user=user, name=f"P{n}") for n in range(20)]
    for each in others:
        show(each, "cover_image", pictures[0])

    assert asked([shoe.pk]) == asked([each.pk for each in others])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"look_ids": None},
        {"production_request_id": str(uuid4()), "look_ids": [str(uuid4())]},
    ],
    ids=["none", "null", "two"],
)
@pytest.mark.parametrize("route", [EXPORTS, f"{EXPORTS}preview"])
def test_exactly_one_selection_is_taken(
    client: APIClient, body: dict[str, Any], route: str
) -> None:
    assert faults(client.post(route, body)) == [(["body"], "value_error")]


def test_an_empty_list_selects_nothing(client: APIClient) -> None:
    answer = client.post(EXPORTS, {"product_ids": []})

    assert faults(answer) == [(["body", "product_ids"], "too_few")]


def test_what_shows_no_file_is_refused(client: APIClient, user: User) -> None:
    bare = Product.objects.create(user=user, name="Bare")

    answer = client.post(EXPORTS, {"product_ids": [bare.pk]})

    assert faults(answer) == [(["body"], "too_few")]
    assert not ExportRun.objects.exists()


@pytest.mark.covers("T40")
def test_each_foreign_or_missing_id_is_named(client: APIClient, shoe: Product) -> None:
    foreign = Product.objects.create(user=UserFactory.create(), name="Theirs")

    answer = client.post(EXPORTS, {"product_ids": [foreign.pk, shoe.pk, uuid4()]})

    assert faults(answer) == [
        (["body", "product_ids", 0], "not_found"),
        (["body", "product_ids", 2], "not_found"),
    ]


@pytest.mark.covers("T40")
def test_a_foreign_production_request_is_named(client: APIClient) -> None:
    foreign = ProductionRequest.objects.create(user=UserFactory.create(), name="Theirs")

    answer = client.post(EXPORTS, {"production_request_id": foreign.pk})

    assert faults(answer) == [(["body", "production_request_id"], "not_found")]


def test_things_of_two_owners_are_refused(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    ours = Product.objects.create(user=user, organization=team.organization, name="Ours")

    answer = client.post(EXPORTS, {"product_ids": [shoe.pk, ours.pk]})

    assert faults(answer) == [(["body", "product_ids"], "value_error")]


def test_looks_with_different_configurations_are_refused(
    client: APIClient, user: User, shoe: Product
) -> None:
    looks = [
        Look.objects.create(
            user=user,
            name=name,
            export_configuration=ExportConfiguration.objects.create(user=user, name=name),
        )
        for name in ("City", "Beach")
    ]
    ids = [look.pk for look in looks]
    for look in looks:
        look.products.add(shoe)

    refused = client.post(EXPORTS, {"look_ids": ids})
    chosen = preview(client, look_ids=ids, export_configuration_id=looks[1].export_configuration_id)

    assert faults(refused) == [(["body", "look_ids"], "value_error")]
    assert chosen["export_configuration"]["name"] == "Beach"


@pytest.mark.covers("I18")
def test_each_level_answers_once_the_nearer_is_gone(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    ours: dict[str, Any] = {"user": user, "organization": team.organization}
    Product.objects.filter(pk=shoe.pk).update(organization=team.organization)
    direct, guided, first = (
        ExportConfiguration.objects.create(name=name, **ours)
        for name in ("direct", "guideline", "organization")
    )
    own = ExportConfiguration.objects.create(name="user", user=user)
    guideline = Guideline.objects.create(name="White", export_configuration=guided, **ours)
    request = ProductionRequest.objects.create(
        name="Run", guideline=guideline, export_configuration=direct, **ours
    )
    look = Look.objects.create(name="City", **ours)
    look.products.add(Product.objects.get(pk=shoe.pk))
    request.looks.add(look)
    seen = []

    for configuration in (direct, guided, first, own, None):
        told = preview(client, production_request_id=request.pk)
        seen.append(told["export_configuration"]["name"])
        if configuration is not None:
            configuration.delete()

    assert seen == ["direct", "guideline", "organization", "user", "System default"]


@pytest.mark.parametrize("whose", ["foreign", "unknown"])
def test_a_configuration_one_may_not_use_is_refused(
    client: APIClient, shoe: Product, whose: str
) -> None:
    foreign = ExportConfiguration.objects.create(user=UserFactory.create())
    named = foreign.pk if whose == "foreign" else uuid4()

    answer = client.post(EXPORTS, {"product_ids": [shoe.pk], "export_configuration_id": str(named)})

    assert faults(answer) == [(["body", "export_configuration_id"], "not_found")]


def started(client: APIClient, shoe: Product, **headers: str) -> Any:
    return client.post(EXPORTS, {"product_ids": [shoe.pk]}, headers=headers)


def test_an_export_is_accepted_watched_and_downloaded(client: APIClient, shoe: Product) -> None:
    accepted = started(client, shoe)
    run = ExportRun.objects.get()

    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"{EXPORTS}{run.pk}"
    assert accepted.json() == client.get(accepted.headers["Location"]).json()
    assert accepted.json() | {"created_at": "", "updated_at": ""} == {
        "id": str(run.pk),
        "user_id": str(run.user_id),
        "organization_id": None,
        "status": "queued",
        "title": "Oxford",
        "progress": {"done": 0, "total": 4},
        "counts": {"ready": 0, "failed": 0, "pending": 4},
        "export_configuration": {
            "id": None,
            "name": "System default",
            "metadata_adapter": "default",
            "image_format": "webp",
            "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
        },
        "archive": None,
        "failure": None,
        "failures": [],
        "expires_at": None,
        "started_at": None,
        "finished_at": None,
        "created_at": "",
        "updated_at": "",
    }
    early = client.get(f"{EXPORTS}{run.pk}/download")
    assert early.status_code == 409
    assert "until its status is completed" in early.json()["detail"]

    body = archive_of(work_off(run))
    told = client.get(f"{EXPORTS}{run.pk}").json()
    download = client.get(f"{EXPORTS}{run.pk}/download")

    assert told["status"] == "completed"
    assert told["counts"] == {"ready": 4, "failed": 0, "pending": 0}
    assert told["archive"] == {"size": len(body), "sha256": run.archive_sha256}
    assert download.status_code == 302
    assert download.headers["Cache-Control"] == "no-store"
    assert "Oxford.zip" in download.headers["Location"]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert len(archive.namelist()) == 7


def test_files_that_failed_are_told(
    client: APIClient, shoe: Product, pictures: list[MediaResource]
) -> None:
    MediaResource.objects.filter(pk=pictures[1].pk).update(
        status="FAILED", failure_code="file_corrupt"
    )
    started(client, shoe)
    run = work_off(ExportRun.objects.get())

    told = client.get(f"{EXPORTS}{run.pk}").json()

    assert told["status"] == "completed_with_errors"
    assert told["counts"] == {"ready": 3, "failed": 1, "pending": 0}
    assert told["failures"] == [
        {
            "name": "Us_AW26_back_v1.webp",
            "resource_id": str(pictures[1].pk),
            "code": "resource_failed",
            "message": "The file could not be taken in; upload it anew.",
        }
    ]


def test_an_expired_archive_is_gone(client: APIClient, shoe: Product) -> None:
    started(client, shoe)
    run = work_off(ExportRun.objects.get())
    ExportRun.objects.update(status="EXPIRED")

    answer = client.get(f"{EXPORTS}{run.pk}/download")

    assert answer.status_code == 410
    assert "start the export again" in answer.json()["detail"]


@pytest.mark.covers("F40", "T64")
def test_the_same_request_with_one_key_starts_one_export(client: APIClient, shoe: Product) -> None:
    first, second = (started(client, shoe, **{"Idempotency-Key": "k"}) for _ in range(2))
    other = client.post(
        EXPORTS,
        {"product_ids": [shoe.pk, shoe.pk]},
        headers={"Idempotency-Key": "k"},
    )

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert faults(other) == [(["header", "Idempotency-Key"], "idempotency_key_reused")]
    assert ExportRun.objects.count() == 1


@pytest.mark.covers("T40")
def test_members_export_for_their_organization(team: Team, shoe: Product, user: User) -> None:
    Product.objects.filter(pk=shoe.pk).update(organization=team.organization)
    scope = f"?organization_id={team.organization.pk}"
    colleague, stranger = client_of(team.member), client_of(team.outsider)

    made = started(colleague, shoe).json()

    assert made["organization_id"] == str(team.organization.pk)
    assert client_of(user).get(f"{EXPORTS}{scope}").json()["count"] == 1
    assert client_of(user).get(EXPORTS).json() == {"data": [], "count": 0}
    assert stranger.get(f"{EXPORTS}{scope}").status_code == 403
    assert stranger.get(f"{EXPORTS}{made['id']}").status_code == 404
    assert stranger.get(f"{EXPORTS}{made['id']}/download").status_code == 404


def test_the_list_tells_of_each_export_with_few_queries(client: APIClient, shoe: Product) -> None:
    for _ in range(3):
        started(client, shoe)

    with CaptureQueriesContext(connection) as queries:
        listed = client.get(EXPORTS).json()

    assert [each["progress"]["total"] for each in listed["data"]] == [4, 4, 4]
    assert "failures" not in listed["data"][0]
    assert len(queries) <= 4


def test_a_run_that_was_refused_leaves_nothing(client: APIClient, memory: MemoryStore) -> None:
    answer = client.post(EXPORTS, {"look_ids": [uuid4()]})

    assert answer.status_code == 422
    assert objects() == []
    assert not ExportRun.objects.exists()
