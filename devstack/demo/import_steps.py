"""The import of the demo: import the table of samples/tables, show its rejected rows, repeat."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.demo.client import DemoClient, require

ENDED = {"completed", "completed_with_errors", "failed", "cancelled"}
IMPORT_SECONDS = 120
VALID, REJECTED = 7, 2  # rows of the sample
SLOTS = ("cover_image", "images")


def run_steps(client: DemoClient, *, table: Path, media: Mapping[str, dict[str, Any]]) -> list[str]:
    """Import the table twice; return the ids of its products."""
    body = with_urls(table.read_text(encoding="utf-8"), media)
    job = _import(client, table.name, body, "Import a table of products")
    counts = [job[name] for name in ("created", "updated", "unchanged", "failed")]
    require(sum(counts[:3]) == VALID and counts[3] == REJECTED, f"the counts are {counts}")
    require(job["media"]["failed"] == 0, f"the images: {job['media']}")
    _show_rejected(client, job["id"])
    second_job = _import(client, table.name, body, "Import the same table again")
    require(second_job["unchanged"] == VALID, f"{second_job['unchanged']} rows were unchanged")
    skus = [row["sku"] for row in csv.DictReader(io.StringIO(body), delimiter=";")]
    return [product["id"] for sku in skus for product in _products(client, sku)]


def with_urls(table: str, media: Mapping[str, dict[str, Any]]) -> str:
    """Return the table with the URL of every photo instead of its file name."""
    rows = list(csv.DictReader(io.StringIO(table), delimiter=";"))
    for row in rows:
        for slot in SLOTS:
            names = filter(None, row[slot].split("|"))
            row[slot] = "|".join(media[name]["url"] for name in names)
    output = io.StringIO()
    writer = csv.DictWriter(output, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue()


def _import(client: DemoClient, name: str, body: str, title: str) -> dict[str, Any]:
    with client.step(title) as report:
        job = client.call(
            "POST",
            "/api/v1/bulk-upload/",
            files={"file": (name, body.encode(), "text/csv")},
            data=client.organization_query,
        )
        job = client.poll_until(
            f"/api/v1/bulk-upload/{job['id']}",
            lambda body: body["status"] in ENDED,
            seconds=IMPORT_SECONDS,
        )
        require(job["status"] == "completed_with_errors", f"the job is {job['status']}")
        dialect, counts = job["dialect"], job["media"]
        report(f"read as {dialect['encoding']} with {dialect['delimiter']!r}")
        report(_format_counts(job))
        report(f"images: {counts['ready']} ready, {counts['failed']} failed")
    return job


def _format_counts(job: dict[str, Any]) -> str:
    names = ("created", "updated", "unchanged", "failed")
    return ", ".join(f"{job[name]} {name}" for name in names)


def _show_rejected(client: DemoClient, job_id: str) -> None:
    with client.step("Show the rejected rows") as report:
        errors = client.call("GET", f"/api/v1/bulk-upload/{job_id}/errors")
        require(errors["count"] >= REJECTED, f"{errors['count']} errors")
        for error in errors["data"]:
            report(f"line {error['line']}, {error['column']}: {error['message']}")


def _products(client: DemoClient, sku: str) -> list[dict[str, Any]]:
    query = {**client.organization_query, "sku": sku}
    products: list[dict[str, Any]] = client.call("GET", "/api/v1/products/", params=query)["data"]
    return products
