"""Every crash point is reached by a flow; a process that dies there loses nothing."""

from collections.abc import Iterator
from typing import Final

import pytest

from media.tests.factories import PNG, photo
from tests.model.contents import Content
from tests.model.environment.crashes import all_points
from tests.model.environment.setup import REMOTE_URL, Environment, installed
from tests.model.environment.tenants import STUDIO
from tests.model.machine import Machine

ANNA: Final = ("anna", STUDIO)


@pytest.fixture
def environment(transactional_db: None, stack: dict[str, str]) -> Iterator[Environment]:
    with installed(uses_seaweedfs=False) as environment:
        yield environment


def upload(machine: Machine, number: int) -> str:
    """Upload a file that no other step has, and return its URL."""
    content = Content(name="new", body=photo(number), content_type=PNG)
    ticket = machine.issue(ANNA, content)
    assert ticket is not None
    machine.send(ticket, content)
    return ticket.url


def run_flow(machine: Machine, point: str, number: int) -> None:
    """Run the flow that reaches a crash point."""
    if point.startswith("export-"):
        machine.start_export(index=0)
    elif point.startswith(("bulk-", "media-")):
        cover = upload(machine, number)
        machine.import_table(ANNA, [f"I-{number}"], [cover], has_refused_row=False)
    elif point.startswith("remote-"):
        cover = f"{REMOTE_URL}?{number}"
        machine.import_table(ANNA, [f"I-{number}"], [cover], has_refused_row=False)
    else:
        machine.create_with(ANNA, [upload(machine, number)], key=None)
    machine.deliver()


def test_a_process_that_dies_at_any_crash_point_loses_nothing(environment: Environment) -> None:
    machine = Machine(environment)
    machine.create_with(ANNA, [upload(machine, 100)], key=None)
    machine.deliver()
    points_without_crash = []

    # bulkupload/tests/services/photos/test_crashes.py has those of photo batches.
    points = [point for point in all_points() if not point.startswith("photo-")]
    for number, point in enumerate(points, start=101):
        machine.crashes.crash_at(point)
        run_flow(machine, point, number)
        if machine.crashes.point:  # some work is only done a second later
            machine.replace_dead_workers()
        points_without_crash += [] if machine.crashes.died == number - 100 else [point]
        machine.replace_dead_workers()
        machine.always()

    assert points_without_crash == []
    machine.drain()
