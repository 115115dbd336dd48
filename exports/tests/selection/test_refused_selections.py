"""Selections that cannot be exported."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Look, Product, ProductionRequest
from catalog.tests.conftest import Team
from exports.models import ExportConfiguration, ExportRun
from exports.tests.requesting import EXPORTS, issues, preview


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
def test_exactly_one_selection_is_required(
    client: APIClient, body: dict[str, Any], route: str
) -> None:
    assert issues(client.post(route, body)) == [(["body"], "value_error")]


def test_an_empty_list_selects_nothing(client: APIClient) -> None:
    response = client.post(EXPORTS, {"product_ids": []})

    assert issues(response) == [(["body", "product_ids"], "too_few")]


def test_a_selection_without_files_is_refused(client: APIClient, user: User) -> None:
    product = Product.objects.create(user=user, name="No image")

    response = client.post(EXPORTS, {"product_ids": [product.pk]})

    assert issues(response) == [(["body"], "too_few")]
    assert not ExportRun.objects.exists()


@pytest.mark.covers("T40")
def test_ids_of_other_owners_and_unknown_ids_are_reported(client: APIClient, shoe: Product) -> None:
    foreign_product = Product.objects.create(user=UserFactory.create(), name="Theirs")

    response = client.post(EXPORTS, {"product_ids": [foreign_product.pk, shoe.pk, uuid4()]})

    assert issues(response) == [
        (["body", "product_ids", 0], "not_found"),
        (["body", "product_ids", 2], "not_found"),
    ]


@pytest.mark.covers("T40")
def test_a_production_request_of_another_owner_is_reported(client: APIClient) -> None:
    foreign_request = ProductionRequest.objects.create(user=UserFactory.create(), name="Theirs")

    response = client.post(EXPORTS, {"production_request_id": foreign_request.pk})

    assert issues(response) == [(["body", "production_request_id"], "not_found")]


def test_objects_of_two_owners_are_refused(
    client: APIClient, team: Team, shoe: Product, user: User
) -> None:
    shared_product = Product.objects.create(user=user, organization=team.organization, name="Ours")

    response = client.post(EXPORTS, {"product_ids": [shoe.pk, shared_product.pk]})

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
    chosen_preview = preview(
        client, look_ids=ids, export_configuration_id=looks[1].export_configuration_id
    )

    assert issues(response) == [(["body", "look_ids"], "value_error")]
    assert chosen_preview["export_configuration"]["name"] == "Beach"


@pytest.mark.parametrize("is_foreign", [True, False], ids=["foreign", "unknown"])
def test_a_configuration_the_caller_may_not_use_is_refused(
    client: APIClient, shoe: Product, *, is_foreign: bool
) -> None:
    foreign_configuration = ExportConfiguration.objects.create(user=UserFactory.create())
    pk = foreign_configuration.pk if is_foreign else uuid4()

    response = client.post(EXPORTS, {"product_ids": [shoe.pk], "export_configuration_id": str(pk)})

    assert issues(response) == [(["body", "export_configuration_id"], "not_found")]


def test_too_many_files_are_refused_before_they_are_read(
    client: APIClient, user: User, shoe: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exports.services.export_selection.MAX_FILES", 3)

    response = client.post(EXPORTS, {"product_ids": [shoe.pk]})

    assert issues(response) == [(["body"], "too_many")]


def test_a_product_in_several_looks_counts_several_times(
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
def test_looks_with_too_many_products_are_refused_before_they_are_read(
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
    monkeypatch.setattr("exports.services.export_selection.MAX_LOOK_PRODUCTS", 3)
    assert preview(client, **payload)["count"] == 12
    monkeypatch.setattr("exports.services.export_selection.MAX_LOOK_PRODUCTS", 2)

    with CaptureQueriesContext(connection) as queries:
        response = client.post(f"{EXPORTS}preview", payload)

    assert issues(response) == [(["body"], "too_many")]
    assert 'FROM "catalog_product"' not in " ".join(query["sql"] for query in queries)
