"""What an export takes of the catalogue, under which names and which configuration."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from catalog.tests.conftest import Team
from exports.models import ExportConfiguration, ExportItem, ExportRun
from exports.tests.requesting import EXPORTS, issues, names, preview, show
from media.models import MediaResource, ObjectDeletion
from media.storage.testing.memory import MemoryStore
from sartiq.core.models import IdempotencyKey


def test_a_preview_tells_names_and_metadata(
    client: APIClient, shoe: Product, pictures: list[MediaResource]
) -> None:
    body = preview(client, product_ids=[shoe.pk])

    assert body["export_configuration"] == {
        "id": None,
        "name": "System default",
        "metadata_adapter": "default",
        "image_format": "webp",
        "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
    }
    assert body["metadata_files"] == ["metadata.json", "metadata.csv"]
    assert body["count"] == 4
    assert names(body) == [
        "Us_AW26_cover_v1.webp",
        "Us_AW26_back_v1.webp",
        "Us_AW26_image_v1.webp",
        "Us_AW26_image_v2.webp",
    ]
    assert body["data"][3] == {
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
    body = preview(client, "?skip=1&limit=2", product_ids=[shoe.pk])

    assert names(body) == ["Us_AW26_back_v1.webp", "Us_AW26_image_v1.webp"]
    assert body["count"] == 4


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

    body = preview(client, look_ids=[look.pk])

    assert names(body)[-1] == "Us_AW26_reference_v1.webp"
    assert body["count"] == 5
    assert {each["values"]["look"] for each in body["data"]} == {"City"}
    assert {each["values"]["subject"] for each in body["data"]} == {"Ada"}


def test_a_picture_of_a_look_with_two_products_is_of_neither(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    look = Look.objects.create(user=user, name="City")
    look.products.add(shoe, Product.objects.create(user=user, name="Belt", brand="Other"))
    show(look, "reference_images", pictures[0])

    body = preview(client, look_ids=[look.pk])

    assert body["data"][-1]["values"] == {
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

    body = preview(client, production_request_id=request.pk)

    assert [each["values"]["look"] for each in body["data"]] == ["City"] * 4 + ["Beach"] * 4
    assert {each["values"]["production_request"] for each in body["data"]} == {"Shoot 12"}
    assert {each["values"]["guideline"] for each in body["data"]} == {"White"}
    assert len(set(names(body))) == 8
    assert "Us_AW26_cover_v1_2.webp" in names(body)


def test_ids_are_taken_in_their_order_and_once(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    belt = Product.objects.create(user=user, name="Belt", sku="B", brand="Us")
    show(belt, "cover_image", pictures[0])

    body = preview(client, product_ids=[belt.pk, shoe.pk, belt.pk])

    assert names(body)[:2] == ["Us_B_cover_v1.webp", "Us_AW26_cover_v1.webp"]
    assert body["count"] == 5


def test_queries_do_not_grow_with_what_is_selected(
    client: APIClient, user: User, shoe: Product, pictures: list[MediaResource]
) -> None:
    def preview_of(ids: list[UUID]) -> int:
        with CaptureQueriesContext(connection) as queries:
            preview(client, product_ids=ids)
        return len(queries)

    others = [Product.objects.create(user=user, name=f"P{n}") for n in range(20)]
    for each in others:
        show(each, "cover_image", pictures[0])

    assert preview_of([shoe.pk]) == preview_of([each.pk for each in others])


@pytest.mark.parametrize("by", ["production_request_id", "look_ids"])
def test_queries_do_not_grow_with_the_looks(
    client: APIClient, user: User, shoe: Product, by: str
) -> None:
    subject = Subject.objects.create(user=user, name="Ada", slug="ada")

    def preview_of(number: int) -> int:
        request = ProductionRequest.objects.create(user=user, name="Run")
        looks = [Look.objects.create(user=user, name="L", subject=subject) for _ in range(number)]
        for look in looks:
            look.products.add(shoe)
        request.looks.set(looks)
        selected: Any = request.pk if by == "production_request_id" else [each.pk for each in looks]
        with CaptureQueriesContext(connection) as queries:
            assert preview(client, **{by: selected})["count"] == number * 4
        return len(queries)

    assert preview_of(1) == preview_of(12)


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
    assert issues(client.post(route, body)) == [(["body"], "value_error")]


def test_an_empty_list_selects_nothing(client: APIClient) -> None:
    response = client.post(EXPORTS, {"product_ids": []})

    assert issues(response) == [(["body", "product_ids"], "too_few")]


def test_what_shows_no_file_is_refused(client: APIClient, user: User) -> None:
    bare = Product.objects.create(user=user, name="Bare")

    response = client.post(EXPORTS, {"product_ids": [bare.pk]})

    assert issues(response) == [(["body"], "too_few")]
    assert not ExportRun.objects.exists()


@pytest.mark.covers("T40")
def test_each_foreign_or_missing_id_is_named(client: APIClient, shoe: Product) -> None:
    foreign = Product.objects.create(user=UserFactory.create(), name="Theirs")

    response = client.post(EXPORTS, {"product_ids": [foreign.pk, shoe.pk, uuid4()]})

    assert issues(response) == [
        (["body", "product_ids", 0], "not_found"),
        (["body", "product_ids", 2], "not_found"),
    ]


@pytest.mark.covers("T40")
def test_a_foreign_production_request_is_named(client: APIClient) -> None:
    foreign = ProductionRequest.objects.create(user=UserFactory.create(), name="Theirs")

    response = client.post(EXPORTS, {"production_request_id": foreign.pk})

    assert issues(response) == [(["body", "production_request_id"], "not_found")]


def test_things_of_two_owners_are_refused(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    shared = Product.objects.create(user=user, organization=team.organization, name="Ours")

    response = client.post(EXPORTS, {"product_ids": [shoe.pk, shared.pk]})

    assert issues(response) == [(["body", "product_ids"], "value_error")]


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

    response = client.post(EXPORTS, {"look_ids": ids})
    chosen = preview(client, look_ids=ids, export_configuration_id=looks[1].export_configuration_id)

    assert issues(response) == [(["body", "look_ids"], "value_error")]
    assert chosen["export_configuration"]["name"] == "Beach"


@pytest.mark.covers("I18")
def test_each_level_answers_once_the_nearer_is_gone(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    shared: dict[str, Any] = {"user": user, "organization": team.organization}
    Product.objects.filter(pk=shoe.pk).update(organization=team.organization)
    direct, guided, first = (
        ExportConfiguration.objects.create(name=name, **shared)
        for name in ("direct", "guideline", "organization")
    )
    own = ExportConfiguration.objects.create(name="user", user=user)
    guideline = Guideline.objects.create(name="White", export_configuration=guided, **shared)
    request = ProductionRequest.objects.create(
        name="Run", guideline=guideline, export_configuration=direct, **shared
    )
    look = Look.objects.create(name="City", **shared)
    look.products.add(Product.objects.get(pk=shoe.pk))
    request.looks.add(look)
    used = []

    for configuration in (direct, guided, first, own, None):
        body = preview(client, production_request_id=request.pk)
        used.append(body["export_configuration"]["name"])
        if configuration is not None:
            configuration.delete()

    assert used == ["direct", "guideline", "organization", "user", "System default"]


@pytest.mark.parametrize("whose", ["foreign", "unknown"])
def test_a_configuration_one_may_not_use_is_refused(
    client: APIClient, shoe: Product, whose: str
) -> None:
    foreign = ExportConfiguration.objects.create(user=UserFactory.create())
    pk = foreign.pk if whose == "foreign" else uuid4()

    response = client.post(EXPORTS, {"product_ids": [shoe.pk], "export_configuration_id": str(pk)})

    assert issues(response) == [(["body", "export_configuration_id"], "not_found")]


def test_more_than_one_export_takes_is_refused_before_it_is_read(
    client: APIClient, user: User, shoe: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exports.services.export_selection.MAX_FILES", 3)

    response = client.post(EXPORTS, {"product_ids": [shoe.pk]})

    assert issues(response) == [(["body"], "too_many")]


def test_more_than_one_export_takes_is_refused_however_often_a_product_is_worn(
    client: APIClient, user: User, shoe: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [Look.objects.create(user=user, name=f"L{n}") for n in range(3)]
    for look in looks:
        look.products.add(shoe)
    for module in ("exports.services.export_selection", "exports.services.naming"):
        monkeypatch.setattr(f"{module}.MAX_FILES", 10)

    response = client.post(EXPORTS, {"look_ids": [look.pk for look in looks]})

    assert issues(response) == [(["body"], "too_many")]
    assert not ExportRun.objects.exists()


@pytest.mark.parametrize("kind", ["looks", "production request"])
def test_looks_that_wear_too_much_are_refused_before_it_is_read(
    client: APIClient, user: User, shoe: Product, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    looks = [Look.objects.create(user=user, name=f"L{n}") for n in range(3)]
    for look in looks:
        look.products.add(shoe)
    request = ProductionRequest.objects.create(user=user, name="P")
    request.looks.set(looks)
    payload: dict[str, Any] = {"look_ids": [look.pk for look in looks]}
    if kind != "looks":
        payload = {"production_request_id": request.pk}
    monkeypatch.setattr("exports.services.export_selection.MAX_WORN_PRODUCTS", 3)
    assert preview(client, **payload)["count"] == 12
    monkeypatch.setattr("exports.services.export_selection.MAX_WORN_PRODUCTS", 2)

    with CaptureQueriesContext(connection) as asking:
        response = client.post(f"{EXPORTS}preview", payload)

    assert issues(response) == [(["body"], "too_many")]
    assert 'FROM "catalog_product"' not in " ".join(each["sql"] for each in asking)
