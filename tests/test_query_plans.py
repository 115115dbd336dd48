"""The check of all queries finds those without an index and accepts the others."""

import pytest

from tests.query_plans import PlanChecker

pytestmark = pytest.mark.django_db

RESOURCES = "SELECT * FROM media_mediaresource "


@pytest.mark.parametrize(
    "condition",
    [
        "WHERE etag = 'x'",
        "WHERE lease_holder IS NOT NULL",
        "WHERE storage_key = 'x' OR etag = 'x'",
        "WHERE extension = 'png' ORDER BY id LIMIT 1",
        "ORDER BY id",
        "",
    ],
)
def test_reading_a_whole_table_is_found(plan_checker: PlanChecker, condition: str) -> None:
    assert plan_checker.whole_scans(RESOURCES + condition)


@pytest.mark.parametrize(
    "condition",
    [
        "WHERE storage_key = 'x'",
        "WHERE content_hash IN ('x', 'y')",
        "WHERE storage_key = 'x' OR id = '0198c000-0000-7000-8000-000000000000'",
        "WHERE status = 'PENDING' AND run_after < now()",
        "ORDER BY id LIMIT 10",
    ],
)
def test_reading_by_an_index_passes(plan_checker: PlanChecker, condition: str) -> None:
    assert not plan_checker.whole_scans(RESOURCES + condition)
