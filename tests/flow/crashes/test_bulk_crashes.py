"""Bulk uploads on real processes: every row is counted once, whichever process is killed."""

from pathlib import Path

import httpx
import pytest

from devstack.product import Product
from tests.flow.bulk import ENDED, finished_job, require_imported, start, table
from tests.flow.studio import Studio, eventually

pytestmark = pytest.mark.flow

PLAN_POINTS = [
    "lease-taken",
    "bulk-downloaded",
    "bulk-chunks-planned",
    "bulk-planning",
    "bulk-planned",
]
CHUNK_POINTS = ["bulk-parsed", "bulk-merged", "bulk-marked", "bulk-imported", "bulk-finish"]


@pytest.mark.covers("F01", "F30", "I12")
@pytest.mark.parametrize("point", [*PLAN_POINTS, *CHUNK_POINTS])
def test_every_row_is_counted_once_if_a_worker_is_killed_at_any_step(
    point: str, studio: Studio, crash_file: Path
) -> None:
    crash_file.write_text(f"worker {point}")

    response = start(studio, table(point))

    require_imported(studio, finished_job(studio, response.headers["location"]), point)
    assert crash_file.with_name("done").exists(), "the crash point was never reached"


@pytest.mark.covers("F03", "T64")
@pytest.mark.parametrize("point", ["bulk-stored", "bulk-saving", "bulk-saved"])
def test_one_job_is_started_if_a_web_process_is_killed_at_any_step(
    point: str, studio: Studio, crash_file: Path
) -> None:
    crash_file.write_text(f"web {point}")

    with pytest.raises(httpx.TransportError):
        start(studio, table(point))
    eventually(studio.is_ready, bool)
    listed = studio.http.get("/bulk-upload/", params={**studio.scope, "limit": 1000}).json()
    jobs = [
        job
        for job in listed["data"]
        if job["status"] not in ENDED or job["id"] == listed["data"][-1]["id"]
    ]

    assert crash_file.with_name("done").exists(), "the crash point was never reached"
    if point == "bulk-saved":
        require_imported(studio, finished_job(studio, f"/bulk-upload/{jobs[-1]['id']}"), point)
    else:
        response = start(studio, table(point))
        require_imported(studio, finished_job(studio, response.headers["location"]), point)


@pytest.mark.covers("F02", "F08")
def test_no_row_is_lost_with_the_worker_and_the_broker(studio: Studio, product: Product) -> None:
    response = start(studio, table("LOST"))
    product.kill_worker()
    product.stop_broker(lose_data=True)
    later = start(studio, table("LATER"))
    product.start_broker()
    product.restart_dead()

    require_imported(studio, finished_job(studio, response.headers["location"]), "LOST")
    require_imported(studio, finished_job(studio, later.headers["location"]), "LATER")


@pytest.mark.covers("F32")
def test_a_cancelled_job_stops(studio: Studio) -> None:
    body = b"sku,name\n" + b"".join(b"C-%d,Name\n" % n for n in range(5000))

    location = start(studio, body).headers["location"]
    cancelled = studio.http.post(f"{location}/cancel")
    before = studio.http.get(location).json()

    assert cancelled.status_code == 202
    assert before["status"] == "cancelled"
    assert before["processed_rows"] < 5000
    assert finished_job(studio, location)["processed_rows"] == before["processed_rows"]
