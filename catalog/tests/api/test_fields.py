"""Fields that only some kinds of entities have: SKUs, slugs, links."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.tests.factories import client_of
from catalog.tests.conftest import Team

pytestmark = pytest.mark.django_db

PRODUCTS, SUBJECTS, LOOKS = "/api/v1/products/", "/api/v1/subjects/", "/api/v1/looks/"
GUIDELINES, REQUESTS = "/api/v1/guidelines/", "/api/v1/production-requests/"
LINKS = {
    LOOKS: ("products", PRODUCTS, "subject", SUBJECTS),
    REQUESTS: ("looks", LOOKS, "guideline", GUIDELINES),
}


def create_entity(client: APIClient, route: str, query: str = "", **fields: Any) -> dict[str, Any]:
    response = client.post(route + query, {"name": "One"} | fields)
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body


# --- SKU ------------------------------------------------------------------------------------------
def test_a_sku_is_unique_in_each_scope(client: APIClient, team: Team) -> None:
    query = f"?organization_id={team.organization.pk}"
    create_entity(client, PRODUCTS, sku="A-1")
    create_entity(client, PRODUCTS, query, sku="A-1")
    create_entity(client_of(team.outsider), PRODUCTS, sku="A-1")

    personal_response = client.post(PRODUCTS, {"name": "Two", "sku": "A-1"})
    shared_response = client_of(team.member).post(PRODUCTS + query, {"name": "Two", "sku": "A-1"})

    assert [personal_response.status_code, shared_response.status_code] == [409, 409]
    assert personal_response.json() == {
        "detail": (
            "A product with this SKU already exists. Change that product or choose another SKU."
        )
    }
    assert client.get(PRODUCTS).json()["count"] == 1


def test_a_sku_cannot_be_changed_to_a_taken_one(client: APIClient) -> None:
    create_entity(client, PRODUCTS, sku="A-1")
    other_product = create_entity(client, PRODUCTS, sku="A-2", brand="B")

    response = client.patch(f"{PRODUCTS}{other_product['id']}", {"sku": "A-1", "brand": "C"})

    assert response.status_code == 409
    assert client.get(f"{PRODUCTS}{other_product['id']}").json() == other_product


@pytest.mark.parametrize("empty_value", ["", None])
def test_many_products_may_have_no_sku(client: APIClient, empty_value: str | None) -> None:
    first, second = (create_entity(client, PRODUCTS, sku=empty_value) for _ in range(2))
    product = create_entity(client, PRODUCTS, sku="A-1")

    body_after_clearing = client.patch(f"{PRODUCTS}{product['id']}", {"sku": empty_value}).json()

    assert [body["sku"] for body in (first, second, body_after_clearing)] == [None, None, None]


def test_null_clears_a_text_field(client: APIClient) -> None:
    product = create_entity(client, PRODUCTS, brand="B", color="black")

    body_after_clearing = client.patch(f"{PRODUCTS}{product['id']}", {"brand": None}).json()

    assert (body_after_clearing["brand"], body_after_clearing["color"]) == ("", "black")


def test_products_are_found_by_sku_and_by_text(client: APIClient) -> None:
    shoe = create_entity(client, PRODUCTS, name="Shoe", sku="AW26-1", brand="Sartiq")
    scarf = create_entity(client, PRODUCTS, name="Scarf", sku="AW26-10", brand="Other")

    def names_found(query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = client.get(f"{PRODUCTS}?{query}").json()["data"]
        return rows

    assert names_found("sku=AW26-1") == [shoe]
    assert names_found("search=aw26") == [shoe, scarf]
    assert names_found("search=SARTIQ") == [shoe]
    assert names_found("search=scar") == [scarf]
    assert names_found("sku=AW26-10&search=shoe") == []


# --- Slug -----------------------------------------------------------------------------------------
def test_the_slug_of_a_subject_is_derived_from_its_name(client: APIClient, team: Team) -> None:
    query = f"?organization_id={team.organization.pk}"

    own_slugs = [create_entity(client, SUBJECTS, name="Ada Lovelace")["slug"] for _ in range(3)]
    organization_slug = create_entity(client, SUBJECTS, query, name="Ada Lovelace")["slug"]

    assert own_slugs == ["ada-lovelace", "ada-lovelace-2", "ada-lovelace-3"]
    assert organization_slug == "ada-lovelace"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Zoë Ünal", "zoe-unal"),
        ("日本", "subject"),
        ("--- !! ---", "subject"),
        ("x" * 255, "x" * 240),
        ("Ada  / Bo_b", "ada-bo_b"),
    ],
)
def test_a_slug_can_be_derived_from_any_name(client: APIClient, name: str, slug: str) -> None:
    assert create_entity(client, SUBJECTS, name=name)["slug"] == slug
    assert create_entity(client, SUBJECTS, name=name)["slug"] == f"{slug}-2"


def test_a_chosen_slug_is_never_changed(client: APIClient) -> None:
    subject = create_entity(client, SUBJECTS, name="Ada", slug="ada-2")
    first, third = (create_entity(client, SUBJECTS, name="Ada") for _ in range(2))

    conflict_response = client.post(SUBJECTS, {"name": "Other", "slug": "ada"})
    body_after_renaming = client.patch(f"{SUBJECTS}{subject['id']}", {"name": "Renamed"}).json()

    assert (first["slug"], third["slug"]) == ("ada", "ada-3")
    assert conflict_response.status_code == 409
    assert conflict_response.json() == {
        "detail": "A subject with this slug already exists. Choose another slug."
    }
    assert body_after_renaming["slug"] == "ada-2"
    assert client.patch(f"{SUBJECTS}{subject['id']}", {"slug": "ada"}).status_code == 409


@pytest.mark.parametrize(
    ("payload", "field", "code"),
    [
        ({"slug": "a b"}, "slug", "slug"),
        ({"slug": ""}, "slug", "string_empty"),
        ({"slug": None}, "slug", "null_not_allowed"),
        ({"type": "ROBOT"}, "type", "enum"),
        ({"type": "ai"}, "type", "enum"),
        ({"type": None}, "type", "null_not_allowed"),
    ],
)
def test_invalid_fields_of_a_subject_are_reported(
    client: APIClient, payload: dict[str, Any], field: str, code: str
) -> None:
    response = client.post(SUBJECTS, {"name": "Ada"} | payload)

    (issue,) = response.json()["detail"]
    assert (response.status_code, issue["loc"], issue["type"]) == (422, ["body", field], code)


# --- Links ----------------------------------------------------------------------------------------
def test_a_look_links_its_products_and_its_subject(client: APIClient) -> None:
    products = [create_entity(client, PRODUCTS)["id"] for _ in range(3)]
    subject = create_entity(client, SUBJECTS)["id"]

    look = create_entity(client, LOOKS, products=products, subject=subject)

    assert (sorted(look["products"]), look["subject"]) == (sorted(products), subject)
    body_with_fewer_products = client.patch(
        f"{LOOKS}{look['id']}", {"products": products[:1]}
    ).json()
    assert (body_with_fewer_products["products"], body_with_fewer_products["subject"]) == (
        products[:1],
        subject,
    )
    body_without_subject = client.patch(f"{LOOKS}{look['id']}", {"subject": None}).json()
    assert (body_without_subject["products"], body_without_subject["subject"]) == (
        products[:1],
        None,
    )
    assert client.patch(f"{LOOKS}{look['id']}", {"products": []}).json()["products"] == []


def test_a_production_request_links_its_looks_and_its_guideline(client: APIClient) -> None:
    look, guideline = create_entity(client, LOOKS)["id"], create_entity(client, GUIDELINES)["id"]

    request = create_entity(client, REQUESTS, looks=[look, look], guideline=guideline)

    assert (request["looks"], request["guideline"]) == ([look], guideline)
    for route, entity_id in ((LOOKS, look), (GUIDELINES, guideline)):
        assert client.delete(f"{route}{entity_id}").status_code == 204
    after = client.get(f"{REQUESTS}{request['id']}").json()
    assert (after["looks"], after["guideline"]) == ([], None)


@pytest.mark.covers("T40", "I14")
@pytest.mark.parametrize("route", [LOOKS, REQUESTS])
def test_an_id_of_another_owner_is_refused_like_an_unknown_one(
    client: APIClient, team: Team, route: str
) -> None:
    many_field, many_route, one_field, one_route = LINKS[route]
    query = f"?organization_id={team.organization.pk}"
    valid_id = create_entity(client, many_route)["id"]
    invalid_ids = [
        create_entity(client_of(team.outsider), many_route)["id"],
        create_entity(client, many_route, query)[
            "id"
        ],  # the caller sees it, but it has another owner
        str(uuid4()),
    ]
    foreign_id = create_entity(client_of(team.outsider), one_route)["id"]
    entity = create_entity(client, route, query="", **{many_field: [valid_id]})
    payload = {
        "name": "Bad",
        many_field: [invalid_ids[0], valid_id, *invalid_ids[1:]],
        one_field: foreign_id,
    }

    responses = [client.post(route, payload), client.patch(f"{route}{entity['id']}", payload)]

    for response in responses:
        assert response.status_code == 422
        assert [(issue["loc"], issue["type"]) for issue in response.json()["detail"]] == [
            (["body", many_field, 0], "not_found"),
            (["body", many_field, 2], "not_found"),
            (["body", many_field, 3], "not_found"),
            (["body", one_field], "not_found"),
        ]
    assert client.get(route).json() == {"data": [entity], "count": 1}


@pytest.mark.parametrize(
    ("value", "loc", "code"),
    [
        ("x", ["body", "products"], "list_type"),
        (["x"], ["body", "products", 0], "uuid_parsing"),
        (None, ["body", "products"], "null_not_allowed"),
    ],
)
def test_malformed_links_are_reported(
    client: APIClient, value: Any, loc: list[Any], code: str
) -> None:
    response = client.post(LOOKS, {"name": "Look", "products": value})

    (issue,) = response.json()["detail"]
    assert (response.status_code, issue["loc"], issue["type"]) == (422, loc, code)
