"""The export of the demo: preview it, run it, check the files in the ZIP."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from http import HTTPStatus

from devstack.demo.client import DemoClient, require

EXPORT_SECONDS = 300
ENDED = {"completed", "completed_with_errors", "failed"}
CONFIGURATION = {
    "name": "Web shop",
    "naming_convention_template": "{brand}_{product_sku}_{index:02}",
    "image_format": "webp",
    "metadata_adapter": "default",
}
MEGABYTE = 1_000_000


def run_steps(client: DemoClient, *, product_ids: Sequence[str]) -> int:
    """Export the products' images; return how many files the archive has."""
    configuration = client.call("POST", "/api/v1/export-configuration/", json=CONFIGURATION)
    payload = {"product_ids": list(product_ids), "export_configuration_id": configuration["id"]}
    _preview(client, payload)
    archive = _download(client, _run(client, payload))
    return _check(client, archive)


def _preview(client: DemoClient, payload: dict[str, object]) -> None:
    with client.step("Preview the export") as report:
        preview = client.call("POST", "/api/v1/exports/preview", json=payload)
        names = [entry["name"] for entry in preview["data"]]
        require(len(set(names)) == preview["count"], "two files have the same name")
        report(f"{preview['count']} files: {names[0]}, {names[1]}, …")


def _run(client: DemoClient, payload: dict[str, object]) -> str:
    with client.step("Export") as report:
        run = client.call("POST", "/api/v1/exports/", json=payload)
        run = client.poll_until(
            f"/api/v1/exports/{run['id']}",
            lambda body: body["status"] in ENDED,
            seconds=EXPORT_SECONDS,
        )
        require(run["status"] == "completed", f"{run['status']}: {run['failures']}")
        size = run["archive"]["size"] / MEGABYTE
        report(f"{run['counts']['ready']} images converted, {size:.1f} MB")
    return str(run["id"])


def _download(client: DemoClient, run_id: str) -> bytes:
    with client.step("Download the archive") as report:
        redirect = client.api.get(f"/api/v1/exports/{run_id}/download")
        require(
            redirect.status_code == HTTPStatus.FOUND, f"the API returned {redirect.status_code}"
        )
        response = client.store.get(redirect.headers["Location"])
        require(response.is_success, f"the store returned {response.status_code}")
        report(f"302, then {len(response.content) / MEGABYTE:.1f} MB")
    return response.content


def _check(client: DemoClient, archive: bytes) -> int:
    with client.step("Compare the archive with its manifest") as report:
        with zipfile.ZipFile(io.BytesIO(archive)) as zip_file:
            files = {name: zip_file.read(name) for name in zip_file.namelist()}
        entries = json.loads(files["manifest.json"])["files"]
        for entry in entries:
            digest = hashlib.sha256(files[entry["name"]]).hexdigest()
            require(digest == entry["sha256"], f"{entry['name']} differs from its hash")
        images = [entry["name"] for entry in entries if entry.get("resource_id")]
        others = sorted(set(files) - set(images))
        report(f"{len(images)} images match the manifest; also in it: {', '.join(others)}")
    return len(images)
