"""Sending a row of the matrix."""

import json
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse

from tests.api.matrix import Row
from tests.api.routes import all_routes
from tests.api.world import World

ROUTES = {str(route): route for route in all_routes()}


def filled(text: str, row: Row, world: World) -> str:
    """Put the world's ids where a path, query or body names them."""
    for parameter, name in row.ids.items():
        text = text.replace(f"{{{parameter}}}", str(world.ids[name]))
    for name, value in world.ids.items():
        text = text.replace(f"{{{name}}}", str(value))
    return (
        text.replace("{token}", "none")
        .replace("{key}", "media/a")
        .replace("{file_path}", "a")
        .replace("{code}", "ovs")
    )


def body_of(row: Row, world: World) -> dict[str, Any]:
    """Return the row's body as arguments of a client."""
    if row.body is None:
        return {}
    if row.form:
        return {
            "data": urlencode(row.body),
            "content_type": "application/x-www-form-urlencoded",
        }
    return {"data": filled(json.dumps(row.body), row, world), "content_type": "application/json"}


def path_of(row: Row, world: World) -> str:
    """Return the row's path with its query."""
    return filled(ROUTES[row.route].path + row.query, row, world)


def answer_to(
    row: Row, principal: str, world: World, *, method: str = "", path: str = ""
) -> HttpResponse:
    """Send one request as the principal and undo what it did."""
    client = world.client(principal)
    wanted = method or ROUTES[row.route].method
    with transaction.atomic():
        answer: HttpResponse = client.generic(
            wanted, path or path_of(row, world), **body_of(row, world)
        )
        transaction.set_rollback(True)
    return answer
