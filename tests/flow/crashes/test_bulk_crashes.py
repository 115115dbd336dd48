"""Bulk uploads on real processes: every row is counted once, whichever process is killed."""

import httpx
import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually
from tests.flow.bulk import FINAL_STATUSES, finished_job, require_imported, start, table
from tests.flow.crashes.crash_file import CrashFile

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
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    crash_file.crash_at(point, role="worker")

    response = start(api_client, table(point))

    require_imported(api_client, finished_job(api_client, response.headers["location"]), point)
    crash_file.require_reached()


@pytest.mark.covers("F03", "T64")
@pytest.mark.parametrize("point", ["bulk-stored", "bulk-saving", "bulk-saved"])
def test_one_job_is_started_if_a_web_process_is_killed_at_any_step(
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    crash_file.crash_at(point, role="web")

    with pytest.raises(httpx.TransportError):
        start(api_client, table(point))
    eventually(api_client.is_ready, bool)
    list_body = api_client.http.get(
        "/bulk-upload/", params={**api_client.owner_parameters, "limit": 1000}
    ).json()
    jobs = [
        job
        for job in list_body["data"]
        if job["status"] not in FINAL_STATUSES or job["id"] == list_body["data"][-1]["id"]
    ]

    crash_file.require_reached()
    if point == "bulk-saved":
        require_imported(
            api_client, finished_job(api_client, f"/bulk-upload/{jobs[-1]['id']}"), point
        )
    else:
        response = start(api_client, table(point))
        require_imported(api_client, finished_job(api_client, response.headers["location"]), point)


@pytest.mark.covers("F02", "F08")
def test_no_row_is_lost_with_the_worker_and_the_broker(
    api_client: ApiClient, running_product: Product
) -> None:
    response = start(api_client, table("LOST"))
    running_product.kill_worker()
    running_product.stop_broker(lose_data=True)
    later_response = start(api_client, table("LATER"))
    running_product.start_broker()
    running_product.restart_dead()

    require_imported(api_client, finished_job(api_client, response.headers["location"]), "LOST")
    require_imported(
        api_client, finished_job(api_client, later_response.headers["location"]), "LATER"
    )


@pytest.mark.covers("F32")
def test_a_cancelled_job_stops(api_client: ApiClient) -> None:
    body = b"sku,name\n" + b"".join(b"C-%d,Name\n" % n for n in range(5000))

    location = start(api_client, body).headers["location"]
    cancel_response = api_client.http.post(f"{location}/cancel")
    before = api_client.http.get(location).json()

    assert cancel_response.status_code == 202
    assert before["status"] == "cancelled"
    assert before["processed_rows"] < 5000
    assert finished_job(api_client, location)["processed_rows"] == before["processed_rows"]
