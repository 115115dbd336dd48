"""Which files of the catalogue an export has, with their names and its configuration."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from catalog.tests.conftest import Team
from exports.models import ExportConfiguration, ExportItem, ExportRun
from exports.tests.requesting import attach, names, preview
from media.models import MediaResource, ObjectDeletion
from media.storage.testing.memory import MemoryStore
from sartiq.core.models import IdempotencyKey


def test_a_preview_shows_names_and_metadata(
    client: APIClient, shoe: Product, images: list[MediaResource]
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
        "resource_id": str(images[3].pk),
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


def test_a_preview_is_paged(client: APIClient, shoe: Product) -> None:
    body = preview(client, "?skip=1&limit=2", product_ids=[shoe.pk])

    assert names(body) == ["Us_AW26_back_v1.webp", "Us_AW26_image_v1.webp"]
    assert body["count"] == 4


def test_a_preview_writes_nothing(client: APIClient, shoe: Product, memory: MemoryStore) -> None:
    models = (ExportRun, ExportItem, ExportConfiguration, ObjectDeletion, IdempotencyKey)
    before = [model._default_manager.count() for model in models], memory.keys()

    with CaptureQueriesContext(connection) as queries:
        preview(client, product_ids=[shoe.pk])

    assert ([model._default_manager.count() for model in models], memory.keys()) == before
    assert [query for query in queries if not query["sql"].startswith("SELECT")] == []


def test_a_look_includes_its_products_and_its_own_images(
    client: APIClient, user: User, shoe: Product, images: list[MediaResource]
) -> None:
    ada = Subject.objects.create(user=user, name="Ada", slug="ada")
    look = Look.objects.create(user=user, name="City", subject=ada)
    look.products.add(shoe)
    attach(look, "reference_images", images[0])

    body = preview(client, look_ids=[look.pk])

    assert names(body)[-1] == "Us_AW26_reference_v1.webp"
    assert body["count"] == 5
    assert {file["values"]["look"] for file in body["data"]} == {"City"}
    assert {file["values"]["subject"] for file in body["data"]} == {"Ada"}


def test_an_image_of_a_look_with_two_products_has_no_product_values(
    client: APIClient, user: User, shoe: Product, images: list[MediaResource]
) -> None:
    look = Look.objects.create(user=user, name="City")
    look.products.add(shoe, Product.objects.create(user=user, name="Belt", brand="Other"))
    attach(look, "reference_images", images[0])

    body = preview(client, look_ids=[look.pk])

    assert body["data"][-1]["values"] == {
        "look": "City",
        "shot_type": "reference",
        "version": 1,
        "index": 5,
    }


def test_a_production_request_includes_its_looks(
    client: APIClient, user: User, shoe: Product
) -> None:
    guideline = Guideline.objects.create(user=user, name="White")
    request = ProductionRequest.objects.create(user=user, name="Shoot 12", guideline=guideline)
    for name in ("City", "Beach"):
        look = Look.objects.create(user=user, name=name)
        look.products.add(shoe)
        request.looks.add(look)

    body = preview(client, production_request_id=request.pk)

    assert [file["values"]["look"] for file in body["data"]] == ["City"] * 4 + ["Beach"] * 4
    assert {file["values"]["production_request"] for file in body["data"]} == {"Shoot 12"}
    assert {file["values"]["guideline"] for file in body["data"]} == {"White"}
    assert len(set(names(body))) == 8
    assert "Us_AW26_cover_v1_2.webp" in names(body)


def test_ids_are_exported_in_their_order_without_duplicates(
    client: APIClient, user: User, shoe: Product, images: list[MediaResource]
) -> None:
    belt = Product.objects.create(user=user, name="Belt", sku="B", brand="Us")
    attach(belt, "cover_image", images[0])

    body = preview(client, product_ids=[belt.pk, shoe.pk, belt.pk])

    assert names(body)[:2] == ["Us_B_cover_v1.webp", "Us_AW26_cover_v1.webp"]
    assert body["count"] == 5


def test_the_number_of_queries_does_not_depend_on_the_selection(
    client: APIClient, user: User, shoe: Product, images: list[MediaResource]
) -> None:
    def count_queries(ids: list[UUID]) -> int:
        with CaptureQueriesContext(connection) as queries:
            preview(client, product_ids=ids)
        return len(queries)

    others = [Product.objects.create(user=user, name=f"P{n}") for n in range(20)]
    for product in others:
        attach(product, "cover_image", images[0])

    assert count_queries([shoe.pk]) == count_queries([product.pk for product in others])


@pytest.mark.parametrize("by", ["production_request_id", "look_ids"])
def test_the_number_of_queries_does_not_depend_on_the_looks(
    client: APIClient, user: User, shoe: Product, by: str
) -> None:
    subject = Subject.objects.create(user=user, name="Ada", slug="ada")

    def count_queries(number: int) -> int:
        request = ProductionRequest.objects.create(user=user, name="Run")
        looks = [Look.objects.create(user=user, name="L", subject=subject) for _ in range(number)]
        for look in looks:
            look.products.add(shoe)
        request.looks.set(looks)
        selected: Any = request.pk if by == "production_request_id" else [look.pk for look in looks]
        with CaptureQueriesContext(connection) as queries:
            assert preview(client, **{by: selected})["count"] == number * 4
        return len(queries)

    assert count_queries(1) == count_queries(12)


@pytest.mark.covers("I18")
def test_each_level_applies_once_the_more_specific_one_is_deleted(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    owner_fields: dict[str, Any] = {"user": user, "organization": team.organization}
    Product.objects.filter(pk=shoe.pk).update(organization=team.organization)
    direct, of_guideline, first = (
        ExportConfiguration.objects.create(name=name, **owner_fields)
        for name in ("direct", "guideline", "organization")
    )
    personal = ExportConfiguration.objects.create(name="user", user=user)
    guideline = Guideline.objects.create(
        name="White", export_configuration=of_guideline, **owner_fields
    )
    request = ProductionRequest.objects.create(
        name="Run", guideline=guideline, export_configuration=direct, **owner_fields
    )
    look = Look.objects.create(name="City", **owner_fields)
    look.products.add(Product.objects.get(pk=shoe.pk))
    request.looks.add(look)
    used_names = []

    for configuration in (direct, of_guideline, first, personal, None):
        body = preview(client, production_request_id=request.pk)
        used_names.append(body["export_configuration"]["name"])
        if configuration is not None:
            configuration.delete()

    assert used_names == ["direct", "guideline", "organization", "user", "System default"]


def test_a_requested_configuration_applies_to_every_selection(
    client: APIClient, shoe: Product, user: User
) -> None:
    requested, linked = (
        ExportConfiguration.objects.create(user=user, name=name) for name in ("second", "linked")
    )
    ExportConfiguration.objects.filter(pk=linked.pk).update(created_at=shoe.created_at)  # first
    look = Look.objects.create(user=user, name="City", export_configuration=linked)
    look.products.add(shoe)
    request = ProductionRequest.objects.create(user=user, name="Run", export_configuration=linked)
    request.looks.add(look)
    selections: list[dict[str, Any]] = [
        {"product_ids": [shoe.pk]},
        {"look_ids": [look.pk]},
        {"production_request_id": request.pk},
    ]

    choices: list[dict[str, Any]] = [{}, {"export_configuration_id": requested.pk}]

    used_names = [
        [
            preview(client, **selection, **choice)["export_configuration"]["name"]
            for choice in choices
        ]
        for selection in selections
    ]

    assert used_names == [["linked", "second"]] * 3


def test_deleted_rows_are_not_exported(client: APIClient, user: User, shoe: Product) -> None:
    subject = Subject.objects.create(user=user, name="Ada", slug="ada")
    guideline = Guideline.objects.create(user=user, name="White")
    look = Look.objects.create(user=user, name="City", subject=subject)
    boot = Product.objects.create(user=user, name="Boot", sku="B")
    attach(boot, "cover_image", attached_to(shoe))
    look.products.set([shoe, boot])
    request = ProductionRequest.objects.create(user=user, name="Shoot", guideline=guideline)
    request.looks.set([look])
    for row in (shoe, subject, guideline):
        assert client.delete(f"/api/v1/{PATHS[type(row)]}/{row.pk}").status_code == 204

    body = preview(client, production_request_id=request.pk)

    (file,) = body["data"]
    assert file["values"]["product_sku"] == "B"
    assert not {"subject", "guideline"} & file["values"].keys()
    refused_response = client.post("/api/v1/exports/preview", {"product_ids": [str(shoe.pk)]})
    assert refused_response.json()["detail"][0]["loc"] == ["body", "product_ids", 0]


PATHS: dict[type[Any], str] = {
    Product: "products",
    Subject: "subjects",
    Guideline: "guidelines",
}


def attached_to(product: Product) -> MediaResource:
    return MediaResource.objects.filter(attachments__entity_id=product.pk)[0]
