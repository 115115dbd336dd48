"""Requests with an idempotency key."""

from typing import Any

from django.http import HttpResponse

from accounts.models import User
from accounts.tests.factories import client_of
from tests.api.responses import require_error_format

PRODUCTS = "/api/v1/products/"


SHOE = {"name": "Shoe", "sku": "S-1"}


def post(user: User, body: Any = None, key: str = "k-1", path: str = PRODUCTS) -> Any:
    client = client_of(user)
    client.raise_request_exception = False
    return client.post(path, body or SHOE, headers={"Idempotency-Key": key})


def error_detail(response: HttpResponse) -> Any:
    return require_error_format(response.status_code, response.content, response.headers)
