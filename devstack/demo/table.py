"""The table of the demo: import it, look at what was refused, import it once more."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.demo.narrator import Narrator, require

ENDED = {"completed", "completed_with_errors", "failed", "cancelled"}
IMPORT_SECONDS = 120
GOOD, BAD = 7, 2  # rows of the sample
SLOTS = ("cover_image", "images")


def tell(narrator: Narrator, *, table: Path, media: Mapping[str, dict[str, Any]]) -> list[str]:
    """Import the table twice; return the ids of its products."""
    body = with_urls(table.read_text(encoding="utf-8"), media)
    job = _import(narrator, table.name, body, "Import a table of products")
    counts = [job[name] for name in ("created", "updated", "unchanged", "failed")]
    require(sum(counts[:3]) == GOOD and counts[3] == BAD, f"the counts are {counts}")
    require(job["media"]["failed"] == 0, f"the pictures: {job['media']}")
    _show_refused(narrator, job["id"])
    again = _import(narrator, table.name, body, "Import the same table again")
    require(again["unchanged"] == GOOD, f"{again['unchanged']} rows were unchanged")
    skus = [row["sku"] for row in csv.DictReader(io.StringIO(body), delimiter=";")]
    return [found["id"] for sku in skus for found in _products(narrator, sku)]


def with_urls(table: str, media: Mapping[str, dict[str, Any]]) -> str:
    """Return the table with the address of every photo in place of its file name."""
    rows = list(csv.DictReader(io.StringIO(table), delimiter=";"))
    for row in rows:
        for slot in SLOTS:
            names = filter(None, row[slot].split("|"))
            row[slot] = "|".join(media[name]["url"] for name in names)
    told = io.StringIO()
    writer = csv.DictWriter(told, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return told.getvalue()


def _import(narrator: Narrator, name: str, body: str, title: str) -> dict[str, Any]:
    with narrator.step(title) as say:
        job = narrator.call(
            "POST",
            "/api/v1/bulk-upload/",
            files={"file": (name, body.encode(), "text/csv")},
            data=narrator.in_organization,
        )
        done = narrator.watch(
            f"/api/v1/bulk-upload/{job['id']}",
            lambda seen: seen["status"] in ENDED,
            seconds=IMPORT_SECONDS,
        )
        require(done["status"] == "completed_with_errors", f"the job is {done['status']}")
        dialect, counts = done["dialect"], done["media"]
        say(f"read as {dialect['encoding']} with {dialect['delimiter']!r}: {_told(done)}")
        say(f"pictures: {counts['ready']} ready, {counts['failed']} failed")
    return done


def _told(job: dict[str, Any]) -> str:
    names = ("created", "updated", "unchanged", "failed")
    return ", ".join(f"{job[name]} {name}" for name in names)


def _show_refused(narrator: Narrator, job_id: str) -> None:
    with narrator.step("Look at the refused rows") as say:
        errors = narrator.call("GET", f"/api/v1/bulk-upload/{job_id}/errors")
        require(errors["count"] >= BAD, f"{errors['count']} errors")
        for error in errors["data"]:
            say(f"line {error['line']}, {error['column']}: {error['message']}")


def _products(narrator: Narrator, sku: str) -> list[dict[str, Any]]:
    query = {**narrator.in_organization, "sku": sku}
    found: list[dict[str, Any]] = narrator.call("GET", "/api/v1/products/", params=query)["data"]
    return found
