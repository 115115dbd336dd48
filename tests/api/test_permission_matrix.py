"""T40: every route has for every kind of caller one expected answer; a new route needs a row."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.http import HttpResponse

from tests.api.matrix import ROWS, Row
from tests.api.routes import Route, all_routes
from tests.api.world import PRINCIPALS, World

ROUTES = {str(route): route for route in all_routes()}
SCOPED = [row for row in ROWS if "organization_id" in row.query or "org_id" in row.ids]


def filled(text: str, row: Row, world: World) -> str:
    """Put the world's ids where a path, query or body names them."""
    for parameter, name in row.ids.items():
        text = text.replace(f"{{{parameter}}}", str(world.ids[name]))
    for name, value in world.ids.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text.replace("{token}", "none").replace("{key}", "media/a").replace("{file_path}", "a")


def answer_to(row: Row, route: Route, principal: str, world: World) -> HttpResponse:
    """Send one request as the principal and undo what it did."""
    sent: dict[str, Any] = {}
    if row.form:
        sent = {
            "data": urlencode(row.body),
            "content_type": "application/x-www-form-urlencoded",
        }
    elif row.body is not None:
        body = filled(json.dumps(row.body), row, world)
        sent = {"data": body, "content_type": "application/json"}
    path = filled(route.path + row.query, row, world)
    with transaction.atomic():
        answer: HttpResponse = world.client(principal).generic(route.method, path, **sent)
        transaction.set_rollback(True)
    return answer


def test_every_route_has_a_row() -> None:
    assert {row.route for row in ROWS} == set(ROUTES)


@pytest.mark.covers("T40")
def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(ROWS) * len(PRINCIPALS) >= 400


@pytest.mark.covers("T40")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_everybody_is_answered_as_the_matrix_says(row: Row, world: World) -> None:
    route = ROUTES[row.route]

    statuses = {
        principal: answer_to(row, route, principal, world).status_code for principal in PRINCIPALS
    }

    assert statuses == dict(zip(PRINCIPALS, row.expected, strict=True))
