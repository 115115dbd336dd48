"""Requests to create products."""

from typing import Any

from rest_framework.test import APIClient

PRODUCTS = "/api/v1/products/"


def create(client: APIClient, query: str = "", **fields: Any) -> dict[str, Any]:
    response = client.post(PRODUCTS + query, {"name": "Shoe"} | fields)
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body
