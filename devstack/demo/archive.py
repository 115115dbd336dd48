"""The archive of the demo: preview an export, run it, check what is in the ZIP."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from http import HTTPStatus

from devstack.demo.narrator import Narrator, require

EXPORT_SECONDS = 300
ENDED = {"completed", "completed_with_errors", "failed"}
CONFIGURATION = {
    "name": "Web shop",
    "naming_convention_template": "{brand}_{product_sku}_{index:02}",
    "image_format": "webp",
    "metadata_adapter": "default",
}
MEGABYTE = 1_000_000


def tell(narrator: Narrator, *, product_ids: Sequence[str]) -> int:
    """Export the products' pictures; return how many files came."""
    made = narrator.call("POST", "/api/v1/export-configuration/", json=CONFIGURATION)
    asked = {"product_ids": list(product_ids), "export_configuration_id": made["id"]}
    _preview(narrator, asked)
    archive = _download(narrator, _run(narrator, asked))
    return _check(narrator, archive)


def _preview(narrator: Narrator, asked: dict[str, object]) -> None:
    with narrator.step("Preview the export") as say:
        shown = narrator.call("POST", "/api/v1/exports/preview", json=asked)
        names = [each["name"] for each in shown["data"]]
        require(len(set(names)) == shown["count"], "two files have one name")
        say(f"{shown['count']} files: {names[0]}, {names[1]}, …")


def _run(narrator: Narrator, asked: dict[str, object]) -> str:
    with narrator.step("Export") as say:
        run = narrator.call("POST", "/api/v1/exports/", json=asked)
        done = narrator.watch(
            f"/api/v1/exports/{run['id']}",
            lambda seen: seen["status"] in ENDED,
            seconds=EXPORT_SECONDS,
        )
        require(done["status"] == "completed", f"{done['status']}: {done['failures']}")
        size = done["archive"]["size"] / MEGABYTE
        say(f"{done['counts']['ready']} images converted, {size:.1f} MB")
    return str(run["id"])


def _download(narrator: Narrator, run_id: str) -> bytes:
    with narrator.step("Download the archive") as say:
        redirect = narrator.client.get(f"/api/v1/exports/{run_id}/download")
        require(redirect.status_code == HTTPStatus.FOUND, f"answered {redirect.status_code}")
        got = narrator.store.get(redirect.headers["Location"])
        require(got.is_success, f"the store answered {got.status_code}")
        say(f"302, then {len(got.content) / MEGABYTE:.1f} MB")
    return got.content


def _check(narrator: Narrator, archive: bytes) -> int:
    with narrator.step("Compare the archive with its manifest") as say:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            files = {name: opened.read(name) for name in opened.namelist()}
        listed = json.loads(files["manifest.json"])["files"]
        for each in listed:
            digest = hashlib.sha256(files[each["name"]]).hexdigest()
            require(digest == each["sha256"], f"{each['name']} has other bytes")
        images = [each["name"] for each in listed if each.get("resource_id")]
        others = sorted(set(files) - set(images))
        say(f"{len(images)} images with the hashes of the manifest, and {', '.join(others)}")
    return len(images)
