"""Every route that writes records an event with its caller."""

from typing import Final

import pytest

from sartiq.core.models import ActorKind, Event
from tests.api.matrix import ROWS
from tests.api.row_requests import ROUTES, body_of, path_of
from tests.api.rows import V1, Row
from tests.api.world import World

SUCCESS: Final = range(200, 300)
# For routes whose request in the matrix changes nothing.
CHANGING_BODIES: Final = {f"PATCH {V1}/users/{{user_id}}": {"full_name": "New"}}
# Why a request of the matrix to these routes records no event.
WITHOUT_EVENT: Final = {
    f"POST {V1}/login/access-token": "a sign-in is in the access log; failures are counted",
    f"POST {V1}/login/refresh-token": "it only prolongs a session",
    f"POST {V1}/login/test-token": "it only reads",
    f"POST {V1}/uploads/presigned-url": "the row of the upload has its user and time",
    f"POST {V1}/uploads/presigned-urls": "the rows of the uploads have their user and time",
    f"POST {V1}/uploads/admin/upload-lora": "the route is retired",
    f"PUT {V1}/uploads/local/{{token}}": "it replaces the object store, which has no users",
    f"POST {V1}/media-resources/heal": "the event is that of each resource queued again",
    f"POST {V1}/exports/preview": "nothing is written",
    f"POST {V1}/media-resources/{{resource_id}}/restore": "the row is not deleted",
    **{
        f"POST {V1}/{path}/{{entity_id}}/restore": "see catalog/tests/api/test_trash.py"
        for path in ("products", "subjects", "looks", "guidelines", "production-requests")
    },
    f"POST {V1}/bulk-upload/{{job_id}}/cancel": "see bulkupload/tests/services/test_events.py",
    "POST /bulk-upload/{job_id}/cancel": "see bulkupload/tests/services/test_events.py",
    f"POST {V1}/photo-batches/{{batch_id}}/files": "an event says how the batch ended",
    f"POST {V1}/photo-batches/{{batch_id}}/uploaded": "an event says how the batch ended",
    f"POST {V1}/photo-batches/{{batch_id}}/tickets": "an event says how the batch ended",
    f"PATCH {V1}/photo-batches/{{batch_id}}/files/{{file_id}}": "an event says how the batch ended",
}


def writing_rows() -> list[Row]:
    """Return one row for each writing route that the superuser may use."""
    rows: dict[str, Row] = {}
    for row in ROWS:
        is_write = ROUTES[row.route].method != "GET"
        if is_write and row.superuser_status in SUCCESS and row.route not in WITHOUT_EVENT:
            rows.setdefault(row.route, row)
    return list(rows.values())


def test_every_writing_route_is_checked_or_has_a_reason() -> None:
    write_routes = {route for route, entry in ROUTES.items() if entry.method != "GET"}

    checked_routes = {row.route for row in writing_rows()}

    assert checked_routes | WITHOUT_EVENT.keys() == write_routes
    assert checked_routes.isdisjoint(WITHOUT_EVENT)


@pytest.mark.parametrize("row", writing_rows(), ids=str)
def test_a_write_records_an_event(row: Row, world: World) -> None:
    body = CHANGING_BODIES.get(row.route, row.body)
    request = body_of(Row(**{**row.__dict__, "body": body}), world)

    response = world.client("superuser").generic(
        ROUTES[row.route].method, path_of(row, world), headers={"X-Request-ID": "r-1"}, **request
    )

    assert response.status_code == row.superuser_status
    events = list(Event.objects.all())
    assert events
    for event in events:
        assert event.actor_kind == ActorKind.USER
        assert event.actor_id == world.people["superuser"].pk
        assert event.source_id == "r-1"
        assert event.source.startswith(ROUTES[row.route].method)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if ROUTES[row.route].method == "GET" and row.superuser_status in SUCCESS],
    ids=str,
)
def test_a_read_records_no_event(row: Row, world: World) -> None:
    world.client("superuser").get(path_of(row, world))

    assert not Event.objects.exists()
