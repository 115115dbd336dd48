"""Time of checking many uploaded files, compared with reading them with boto3."""

import hashlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks.report import show
from devstack.product import Product
from tests.flow.api_client import photo

SIZE = 200_000


def unique_jpeg(text: str, *, size: int = SIZE) -> bytes:
    """Return a real photo of about `size` bytes that has `text` in a comment segment."""
    body = photo("aw26-oxford-shoe-on-location.jpg")
    comment = text.encode().ljust(min(max(size - len(body), 64), 60_000), b".")
    return body[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + body[2:]


def compare_checking(product: Product, *, rounds: int, files: int = 500) -> None:
    """Measure how long the product takes to check files, and boto3 to read them one by one."""
    import django  # noqa: PLC0415  after the product has set the environment

    django.setup()
    from media.models import Upload  # noqa: PLC0415
    from media.services.ingest.check import inspect_all  # noqa: PLC0415
    from media.storage import ObjectHeaders, public_store  # noqa: PLC0415

    store = public_store()
    jpeg = ObjectHeaders(content_type="image/jpeg")
    uploads = [
        Upload(key=f"temp/bench-{index:04}", content_type="image/jpeg") for index in range(files)
    ]
    for index, upload in enumerate(uploads):
        store.put(upload.key, unique_jpeg(str(index)), headers=jpeg)

    def check_all() -> None:
        for at in range(0, files, 50):  # the maximum of a request
            inspect_all(store, uploads[at : at + 50])

    client = _boto3(product.env)

    def sequential() -> None:
        bucket = product.env["R2_BUCKET_NAME"]
        for upload in uploads:
            client.head_object(Bucket=bucket, Key=upload.key)
            response = client.get_object(Bucket=bucket, Key=upload.key)
            hashlib.sha256(response["Body"].read()).hexdigest()

    _compare({"sartiq": check_all, "boto3, sequential": sequential}, rounds, files)
    store.delete_many([upload.key for upload in uploads])


def _compare(clients: dict[str, Callable[[], None]], rounds: int, files: int) -> None:
    walls: dict[str, list[float]] = {name: [] for name in clients}
    cpus: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, function in clients.items():
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            walls[name].append(time.perf_counter() - wall)
            cpus[name].append(time.process_time() - cpu)
    product_seconds = statistics.median(walls["sartiq"])
    rows = [
        (
            name,
            files / statistics.median(walls[name]),
            1000 * statistics.median(cpus[name]) / files,
            statistics.median(walls[name]) / product_seconds,
        )
        for name in clients
    ]
    columns = ("client", "files/s", "client CPU ms per file", "sartiq is faster by")
    show(f"HEAD, read and hash {files} x 200 kB, median of {rounds}", columns, rows)


def _boto3(env: dict[str, str]) -> Any:
    import boto3  # noqa: PLC0415  only for the comparison

    return boto3.client(
        "s3",
        endpoint_url=env["S3_ENDPOINT_URL"],
        aws_access_key_id=env["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=env["S3_SECRET_ACCESS_KEY"],
        region_name="auto",
    )


def warm_up(product: Product) -> None:
    """Send requests so that every web process has connected to all services."""
    for _ in range(20):
        httpx.get(f"{product.api}/health/ready").raise_for_status()
