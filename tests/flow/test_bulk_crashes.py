"""Bulk uploads on real processes: whatever dies, every row counts exactly once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.product import Product
from tests.flow.studio import Studio, eventually

pytestmark = pytest.mark.flow

ROWS = 60
PLAN = ["lease-taken", "bulk-downloaded", "bulk-outlined", "bulk-planning", "bulk-planned"]
CHUNK = ["bulk-parsed", "bulk-merged", "bulk-marked", "bulk-imported", "bulk-finish"]
ENDED = {"completed", "completed_with_errors", "failed", "cancelled"}


@pytest.fixture(scope="module")
def armed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bulk") / "armed"


@pytest.fixture
def product(live_product: Callable[..., Product], armed: Path) -> Iterator[Product]:
    product = live_product(CRASH_FILE=str(armed), BULK_CHUNK_ROWS="7")
    yield product
    for left in armed.parent.iterdir():
        left.unlink()
    product.revive()


@pytest.fixture
def studio(product: Product) -> Iterator[Studio]:
    with Studio.member(product) as studio:
        yield studio


def table(mark: str) -> bytes:
    """Sixty good rows, every tenth SKU once more at the end, and two bad rows."""
    rows = [f"{mark}-{n},Name {n}" for n in range(ROWS)]
    again = [f"{mark}-{n},Again {n}" for n in range(0, ROWS, 10)]
    return "\n".join(["sku,name", *rows[:30], ",bad", *rows[30:], *again, "x,"]).encode()


def start(studio: Studio, body: bytes, **headers: str) -> httpx.Response:
    return studio.http.post(
        "/bulk-upload/",
        files={"file": ("products.csv", body, "text/csv")},
        data=studio.scope,
        headers=headers,
    )


def settled(studio: Studio, location: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        job: dict[str, Any] = studio.http.get(location).json()
        assert job["processed_rows"] <= max(job["total_rows"], 0)
        return job

    found: dict[str, Any] = eventually(look, lambda job: job["status"] in ENDED)
    return found


def require_exact(studio: Studio, job: dict[str, Any], mark: str) -> None:
    counted = ("status", "total_rows", "created", "updated", "unchanged", "failed")
    assert [job[name] for name in counted] == ["completed_with_errors", 68, 60, 6, 0, 2]
    errors = studio.http.get(f"/bulk-upload/{job['id']}/errors").json()
    assert [each["line"] for each in errors["data"]] == [32, 69]
    found = studio.http.get(
        "/api/v1/products/", params={**studio.scope, "search": f"{mark}-", "limit": 1000}
    ).json()["data"]
    names = {each["sku"]: each["name"] for each in found}
    assert len(found) == len(names) == ROWS
    assert names[f"{mark}-10"] == "Again 10"
    assert names[f"{mark}-11"] == "Name 11"


@pytest.mark.covers("F01", "F30", "I12")
@pytest.mark.parametrize("point", [*PLAN, *CHUNK])
def test_a_worker_killed_at_any_step_counts_every_row_once(
    point: str, studio: Studio, armed: Path
) -> None:
    armed.write_text(f"worker {point}")

    answer = start(studio, table(point))

    require_exact(studio, settled(studio, answer.headers["location"]), point)
    assert armed.with_name("done").exists(), "the crash point was never reached"


@pytest.mark.covers("F03", "T64")
@pytest.mark.parametrize("point", ["bulk-stored", "bulk-saving", "bulk-saved"])
def test_a_web_process_killed_at_any_step_makes_one_job(
    point: str, studio: Studio, armed: Path, product: Product
) -> None:
    armed.write_text(f"web {point}")

    with pytest.raises(httpx.TransportError):
        start(studio, table(point))
    eventually(lambda: _web_is_back(product, studio), bool)
    listed = studio.http.get("/bulk-upload/", params={**studio.scope, "limit": 1000}).json()
    mine = [
        each
        for each in listed["data"]
        if each["status"] not in ENDED or each["id"] == listed["data"][-1]["id"]
    ]

    assert armed.with_name("done").exists(), "the crash point was never reached"
    if point == "bulk-saved":
        require_exact(studio, settled(studio, f"/bulk-upload/{mine[-1]['id']}"), point)
    else:
        answer = start(studio, table(point))
        require_exact(studio, settled(studio, answer.headers["location"]), point)


def _web_is_back(product: Product, studio: Studio) -> bool:
    product.revive()  # a server whose processes die too often leaves; its supervisor restarts it
    return studio.reaches_the_web()


@pytest.mark.covers("F02", "F08")
def test_a_lost_worker_and_an_emptied_broker_lose_no_row(studio: Studio, product: Product) -> None:
    answer = start(studio, table("LOST"))
    product.kill_worker()
    product.stop_broker(lose_data=True)
    later = start(studio, table("LATER"))
    product.start_broker()
    product.revive()

    require_exact(studio, settled(studio, answer.headers["location"]), "LOST")
    require_exact(studio, settled(studio, later.headers["location"]), "LATER")


@pytest.mark.covers("F32")
def test_a_cancelled_job_stops(studio: Studio) -> None:
    body = b"sku,name\n" + b"".join(b"C-%d,Name\n" % n for n in range(5000))

    location = start(studio, body).headers["location"]
    cancelled = studio.http.post(f"{location}/cancel")
    before = studio.http.get(location).json()

    assert cancelled.status_code == 202
    assert before["status"] == "cancelled"
    assert before["processed_rows"] < 5000
    assert settled(studio, location)["processed_rows"] == before["processed_rows"]
