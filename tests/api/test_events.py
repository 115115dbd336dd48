"""Every route that writes leaves an event that names its caller."""

from typing import Final

import pytest

from sartiq.core.models import ActorKind, Event
from tests.api.matrix import ROWS
from tests.api.row_requests import ROUTES, body_of, path_of
from tests.api.rows import V1, Row
from tests.api.world import World

SUCCESS: Final = range(200, 300)
# Bodies for routes whose rows in the matrix change nothing.
BODIES: Final = {f"PATCH {V1}/users/{{user_id}}": {"full_name": "New"}}
WITHOUT_EVENT: Final = {
    f"POST {V1}/login/access-token": "a sign-in is in the access log; failures are counted",
    f"POST {V1}/login/refresh-token": "a session goes on",
    f"POST {V1}/login/test-token": "it only reads",
    f"POST {V1}/uploads/presigned-url": "the upload's row says who asked for it and when",
    f"POST {V1}/uploads/presigned-urls": "the same",
    f"POST {V1}/uploads/admin/upload-lora": "the route is retired",
    f"PUT {V1}/uploads/local/{{token}}": "it stands for the store, which knows no users",
    f"POST {V1}/media-resources/heal": "each resource that is queued again has an event",
    f"POST {V1}/exports/preview": "nothing is written",
    f"POST {V1}/media-resources/{{resource_id}}/restore": "the row is not deleted",
    **{
        f"POST {V1}/{path}/{{entity_id}}/restore": "the same; see catalog/tests/api/test_trash.py"
        for path in ("products", "subjects", "looks", "guidelines", "production-requests")
    },
    f"POST {V1}/bulk-upload/{{job_id}}/cancel": "see bulkupload/tests/services/test_lifecycle.py",
    "POST /bulk-upload/{job_id}/cancel": "the same",
}


def writing_rows() -> list[Row]:
    """Return one row for each writing route that the superuser may use."""
    rows: dict[str, Row] = {}
    for row in ROWS:
        is_write = ROUTES[row.route].method != "GET"
        if is_write and row.expected[-1] in SUCCESS and row.route not in WITHOUT_EVENT:
            rows.setdefault(row.route, row)
    return list(rows.values())


def test_every_writing_route_is_checked_or_has_a_reason() -> None:
    writing = {route for route, entry in ROUTES.items() if entry.method != "GET"}

    checked = {row.route for row in writing_rows()}

    assert checked | WITHOUT_EVENT.keys() == writing
    assert checked.isdisjoint(WITHOUT_EVENT)


@pytest.mark.parametrize("row", writing_rows(), ids=str)
def test_a_write_leaves_an_event(row: Row, world: World) -> None:
    body = BODIES.get(row.route, row.body)
    sent = body_of(Row(**{**row.__dict__, "body": body}), world)

    response = world.client("superuser").generic(
        ROUTES[row.route].method, path_of(row, world), headers={"X-Request-ID": "r-1"}, **sent
    )

    assert response.status_code == row.expected[-1]
    events = list(Event.objects.all())
    assert events
    for event in events:
        assert (event.actor_kind, event.actor_id) == (
            ActorKind.USER,
            world.people["superuser"].pk,
        )
        assert event.source_id == "r-1"
        assert event.source.startswith(ROUTES[row.route].method)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if ROUTES[row.route].method == "GET" and row.expected[-1] in SUCCESS],
    ids=str,
)
def test_a_read_leaves_none(row: Row, world: World) -> None:
    world.client("superuser").get(path_of(row, world))

    assert not Event.objects.exists()
