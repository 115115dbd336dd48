"""Requests for exports over HTTP, and reading their responses."""

from typing import Any

from rest_framework.test import APIClient

from catalog.models import CatalogEntity, Product
from media.models import Attachment, MediaResource

EXPORTS = "/api/v1/exports/"


def attach(entity: CatalogEntity, slot: str, *resources: MediaResource) -> None:
    single = slot in {"cover_image", "back_image"}
    for position, resource in enumerate(resources):
        Attachment.objects.create(
            resource=resource,
            entity_type=entity.entity_type,
            entity_id=entity.pk,
            slot=slot,
            position=None if single else position,
        )


def preview(client: APIClient, query: str = "", **body: Any) -> dict[str, Any]:
    response = client.post(f"{EXPORTS}preview{query}", body)
    assert response.status_code == 200, response.json()
    data: dict[str, Any] = response.json()
    return data


def names(body: dict[str, Any]) -> list[str]:
    return [file["name"] for file in body["data"]]


def issues(response: Any) -> list[tuple[Any, str]]:
    assert response.status_code == 422, response.json()
    return [(issue["loc"], issue["type"]) for issue in response.json()["detail"]]


def start_export(client: APIClient, shoe: Product, **headers: str) -> Any:
    return client.post(EXPORTS, {"product_ids": [shoe.pk]}, headers=headers)
