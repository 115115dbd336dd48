"""A small table of products for imports on a running product, and the expected result."""

from typing import Any

import httpx

from tests.flow.api_client import ApiClient, eventually

ROWS = 60
FINAL_STATUSES = {"completed", "completed_with_errors", "failed", "cancelled"}


def table(prefix: str) -> bytes:
    """Return 60 valid rows, two invalid ones, and every tenth SKU again, with this prefix."""
    rows = [f"{prefix}-{n},Name {n}" for n in range(ROWS)]
    repeated_rows = [f"{prefix}-{n},Again {n}" for n in range(0, ROWS, 10)]
    return "\n".join(["sku,name", *rows[:30], ",bad", *rows[30:], *repeated_rows, "x,"]).encode()


def start(api_client: ApiClient, body: bytes, **headers: str) -> httpx.Response:
    return api_client.http.post(
        "/bulk-upload/",
        files={"file": ("products.csv", body, "text/csv")},
        data=api_client.owner_parameters,
        headers=headers,
    )


def finished_job(api_client: ApiClient, location: str) -> dict[str, Any]:
    def read_job() -> dict[str, Any]:
        job: dict[str, Any] = api_client.http.get(location).json()
        assert job["processed_rows"] <= max(job["total_rows"], 0)
        return job

    finished_job_: dict[str, Any] = eventually(
        read_job, lambda job: job["status"] in FINAL_STATUSES
    )
    return finished_job_


def require_imported(api_client: ApiClient, job: dict[str, Any], prefix: str) -> None:
    """Assert that each row of `table` was counted and stored exactly once."""
    fields = ("status", "total_rows", "created", "updated", "unchanged", "failed")
    assert [job[name] for name in fields] == ["completed_with_errors", 68, 60, 6, 0, 2]
    errors = api_client.http.get(f"/bulk-upload/{job['id']}/errors").json()
    refused_lines = [error["line"] for error in errors["data"] if error["severity"] == "error"]
    repeated_lines = [error["line"] for error in errors["data"] if error["code"] == "repeated_sku"]
    assert (refused_lines, repeated_lines) == ([32, 69], list(range(63, 69)))
    products = api_client.http.get(
        "/api/v1/products/",
        params={**api_client.owner_parameters, "search": f"{prefix}-", "limit": 1000},
    ).json()["data"]
    names = {product["sku"]: product["name"] for product in products}
    assert len(products) == len(names) == ROWS
    assert names[f"{prefix}-10"] == "Again 10"
    assert names[f"{prefix}-11"] == "Name 11"
