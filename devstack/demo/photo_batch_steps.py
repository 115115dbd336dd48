"""The photo batch of the demo: photos of samples/photos, named by SKU, attached to a product."""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devstack.demo.client import DemoClient, require
from devstack.demo.upload_steps import CONTENT_TYPES, images_of

ATTACH_SECONDS = 120


def run_steps(client: DemoClient, *, paths: Sequence[Path]) -> int:
    """Attach the photos as one batch; return how many there are."""
    sku = f"AW26-{secrets.token_hex(4).upper()}"  # an earlier run has left its product
    product = client.call(
        "POST",
        "/api/v1/products/",
        json={"name": "A whole shoot", "sku": sku},
        params=client.organization_query,
    )
    names = {f"shoot/{sku}_{n}{path.suffix}": path for n, path in enumerate(paths, start=1)}
    batch = _create(client, names)
    _upload(client, batch, names)
    _attach(client, batch)
    images = images_of(client.call("GET", f"/api/v1/products/{product['id']}"))
    resource_ids = {image["resource_id"] for image in images}
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    require(
        len(resource_ids) == len(hashes), f"the product has {len(resource_ids)} different images"
    )
    return len(names)


def _create(client: DemoClient, names: dict[str, Path]) -> dict[str, Any]:
    first = next(iter(names))
    files = [
        {
            "filename": name,
            "content_type": CONTENT_TYPES[path.suffix],
            "file_size": path.stat().st_size,
            # All of them are stored, but only this one says so: the others are to be uploaded.
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if name == first else None,
        }
        for name, path in names.items()
    ]
    payload = {"organization_id": client.organization_id, "name": "Day 1", "files": files}
    with client.step("Match a folder of photos by their names") as report:
        batch = client.call("POST", "/api/v1/photo-batches/", json=payload)
        statuses = [row["match"]["status"] for row in batch["files"]]
        require(statuses[0] == "already_there", f"the first photo is {statuses[0]}")
        require(set(statuses[1:]) == {"matched"}, f"the photos are {statuses}")
        report(f"{len(statuses)} photos match the SKU of one product")
        report(f"{Path(first).name} was sent with its SHA-256: it is stored, and needs no upload")
    return batch


def _upload(client: DemoClient, batch: dict[str, Any], names: dict[str, Path]) -> None:
    waiting = [row for row in batch["files"] if row["upload"]]
    with client.step("Upload the photos") as report:
        for row in waiting:
            upload, body = row["upload"], names[row["filename"]].read_bytes()
            response = client.store.put(
                upload["upload_url"], content=body, headers=upload["upload_headers"]
            )
            require(response.is_success, f"{row['filename']}: {response.status_code}")
        client.call(
            "POST",
            f"/api/v1/photo-batches/{batch['id']}/uploaded",
            json={"file_ids": [row["id"] for row in waiting]},
        )
        report(f"{len(waiting)} photos sent and reported")


def _attach(client: DemoClient, batch: dict[str, Any]) -> None:
    path = f"/api/v1/photo-batches/{batch['id']}"
    with client.step("Attach them in the background") as report:
        client.call("POST", f"{path}/attach")
        ended = client.poll_until(
            path, lambda body: body["status"] == "done", seconds=ATTACH_SECONDS
        )
        counts = ended["counts"]
        require(counts["ready"] == counts["total"], f"the outcomes are {counts}")
        report(f"{counts['ready']} photos ready, {ended['photos_per_second']} per second")
