"""Every route returns the expected status to every kind of user (T40).

A new route needs a row in the matrix.
"""

import pytest

from tests.api.matrix import ROWS
from tests.api.row_requests import ROUTES, response_to
from tests.api.rows import Row
from tests.api.world import PRINCIPALS, World


def test_every_route_has_a_row() -> None:
    assert {row.route for row in ROWS} == set(ROUTES)


@pytest.mark.covers("T40")
def test_the_matrix_has_at_least_400_cases() -> None:
    assert len(ROWS) * len(PRINCIPALS) >= 400


@pytest.mark.covers("T40")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_caller_gets_the_status_in_the_matrix(row: Row, world: World) -> None:
    statuses = {
        principal: response_to(row, principal, world).status_code for principal in PRINCIPALS
    }

    assert statuses == dict(zip(PRINCIPALS, row.expected, strict=True))
