"""When an idle worker counts as stuck."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from sartiq.core.work.celery_worker.watchdog import Observation, stuck_since

SILENT = Observation(
    at=0, tasks_started=7, has_free_process=True, broker_responds=True, has_waiting_rows=True
)


def seconds_stuck(observations: Sequence[Observation]) -> float | None:
    """Return how long the worker has been stuck at the last observation, None if it is not."""
    since = None
    for before, now in pairwise(observations):
        since = stuck_since(since, before, now)
    return None if since is None else observations[-1].at - since


def every_five_seconds(*observations: Observation) -> list[Observation]:
    return [
        replace(observation, at=5.0 * number) for number, observation in enumerate(observations)
    ]


BUSY = replace(SILENT, has_free_process=False)
BROKER_DOWN = replace(SILENT, broker_responds=False)
IDLE = replace(SILENT, has_waiting_rows=False)
CONSUMED = replace(SILENT, tasks_started=8)


@pytest.mark.parametrize(
    ("observations", "seconds"),
    [
        pytest.param([SILENT], None, id="one observation says nothing"),
        pytest.param([SILENT] * 2, 0, id="the count begins with the second"),
        pytest.param([SILENT] * 14, 60, id="a minute of silence"),
        pytest.param([BUSY] * 14, None, id="every process is busy"),
        pytest.param([BROKER_DOWN] * 14, None, id="the broker is down"),
        pytest.param([IDLE] * 14, None, id="no row waits"),
        pytest.param([SILENT] * 13 + [BUSY], None, id="busy at last"),
        pytest.param([SILENT] * 13 + [BROKER_DOWN], None, id="the broker goes down"),
        pytest.param([SILENT] * 13 + [IDLE], None, id="another worker took the rows"),
        pytest.param([SILENT] * 13 + [CONSUMED], None, id="took a task at last"),
        pytest.param([BROKER_DOWN] * 13 + [SILENT] * 3, 10, id="counted from the broker's return"),
        pytest.param([SILENT] * 9 + [CONSUMED] * 4, 10, id="counted from the last task"),
    ],
)
def test_a_worker_that_ignores_waiting_rows_is_stuck(
    observations: list[Observation], seconds: float | None
) -> None:
    assert seconds_stuck(every_five_seconds(*observations)) == seconds
