"""A small table of products, sent to a running product, and what must become of its rows."""

from typing import Any

import httpx

from tests.flow.studio import Studio, eventually

ROWS = 60
ENDED = {"completed", "completed_with_errors", "failed", "cancelled"}


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


def finished_job(studio: Studio, location: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        job: dict[str, Any] = studio.http.get(location).json()
        assert job["processed_rows"] <= max(job["total_rows"], 0)
        return job

    run: dict[str, Any] = eventually(look, lambda job: job["status"] in ENDED)
    return run


def require_exact(studio: Studio, job: dict[str, Any], mark: str) -> None:
    counted = ("status", "total_rows", "created", "updated", "unchanged", "failed")
    assert [job[name] for name in counted] == ["completed_with_errors", 68, 60, 6, 0, 2]
    errors = studio.http.get(f"/bulk-upload/{job['id']}/errors").json()
    refused_lines = [error["line"] for error in errors["data"] if error["severity"] == "error"]
    repeated = [error["line"] for error in errors["data"] if error["code"] == "repeated_sku"]
    assert (refused_lines, repeated) == ([32, 69], list(range(63, 69)))
    body = studio.http.get(
        "/api/v1/products/", params={**studio.scope, "search": f"{mark}-", "limit": 1000}
    ).json()["data"]
    names = {product["sku"]: product["name"] for product in body}
    assert len(body) == len(names) == ROWS
    assert names[f"{mark}-10"] == "Again 10"
    assert names[f"{mark}-11"] == "Name 11"
