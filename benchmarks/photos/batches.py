"""Photo batches compared with one presign call and one product request for each photo."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.files import unique_jpeg
from benchmarks.report import show
from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually

TICKETS = 500  # the maximum of a request
PHOTOS = 2000
PUTS = 4  # at a time
MAX_SECONDS = 1800.0


def measure_tickets(product: Product, *, rounds: int) -> None:
    """Print the time of 500 tickets with their matches, and of 500 single presign calls."""
    with ApiClient.member(product) as api_client:
        skus = _skus(TICKETS)
        for sku in skus:
            _create_product(api_client, sku)
        calls: dict[str, Callable[[], object]] = {
            "one photo batch": lambda: _create_batch(api_client, [f"{sku}_1.jpg" for sku in skus]),
            "single presign calls": lambda: _presign_each(api_client),
        }
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    slowest = medians["single presign calls"]
    rows = [(name, value, value / slowest) for name, value in medians.items()]
    show(f"{TICKETS} tickets, median of {rounds}", ("way", "s", "share"), rows)


def measure_photos(product: Product, *, count: int = PHOTOS) -> None:
    """Print the time of photos from their first byte until they are attached and READY."""
    with ApiClient.member(product) as api_client:
        ways: dict[str, Callable[[ApiClient, dict[str, str]], None]] = {
            "one photo batch": _attach_batch,
            "single calls": _attach_each,
        }
        rows = []
        for name, attach in ways.items():
            ids = {sku: _create_product(api_client, sku) for sku in _skus(count)}
            started = time.perf_counter()
            attach(api_client, ids)
            seconds = time.perf_counter() - started
            rows.append((name, seconds, count / seconds))
    show(f"{count} photos of 200 kB until READY", ("way", "s", "photos/s"), rows)


def _attach_batch(api_client: ApiClient, ids: dict[str, str]) -> None:
    names = [f"{sku}_1.jpg" for sku in ids]
    first, *others = _parts(names)
    batch = _create_batch(api_client, first)
    one = f"/api/v1/photo-batches/{batch['id']}"
    _post(api_client, f"{one}/attach", None)
    _put_and_report(api_client, one, batch["files"])
    for part in others:
        added = _post(api_client, f"{one}/files", {"files": _declared(part)})
        _put_and_report(api_client, one, added["files"])
    eventually(
        lambda: api_client.http.get(one).json(),
        lambda body: body["status"] == "done" and body["counts"]["ready"] == len(ids),
        within=MAX_SECONDS,
    )


def _attach_each(api_client: ApiClient, ids: dict[str, str]) -> None:
    def send(sku: str) -> None:
        url = api_client.upload(f"{sku}_1.jpg", unique_jpeg(sku), "image/jpeg")
        response = api_client.http.patch(f"/api/v1/products/{ids[sku]}", json={"cover_image": url})
        response.raise_for_status()

    with ThreadPoolExecutor(max_workers=PUTS) as pool:
        list(pool.map(send, ids))
    for product_id in ids.values():
        api_client.wait_until_processed(product_id, within=MAX_SECONDS)


def _create_product(api_client: ApiClient, sku: str) -> str:
    return str(api_client.create_product(name="Shoe", sku=sku)["id"])


def _put_and_report(api_client: ApiClient, one: str, files: list[dict[str, Any]]) -> None:
    def put(row: dict[str, Any]) -> None:
        upload, body = row["upload"], unique_jpeg(row["filename"])
        response = httpx.put(upload["upload_url"], content=body, headers=upload["upload_headers"])
        response.raise_for_status()

    with ThreadPoolExecutor(max_workers=PUTS) as pool:
        list(pool.map(put, files))
    _post(api_client, f"{one}/uploaded", {"file_ids": [row["id"] for row in files]})


def _create_batch(api_client: ApiClient, names: list[str]) -> dict[str, Any]:
    payload = {"files": _declared(names), **api_client.owner_parameters}
    return _post(api_client, "/api/v1/photo-batches/", payload)


def _declared(names: list[str]) -> list[dict[str, Any]]:
    return [
        {"filename": name, "content_type": "image/jpeg", "file_size": len(unique_jpeg(name))}
        for name in names
    ]


def _presign_each(api_client: ApiClient) -> None:
    for number in range(TICKETS):
        api_client.presign(f"{number}.jpg", "image/jpeg", 200_000)


def _post(api_client: ApiClient, path: str, payload: Any) -> dict[str, Any]:
    response = api_client.http.post(path, json=payload)
    response.raise_for_status()
    body: dict[str, Any] = response.json()
    return body


def _parts(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), TICKETS):
        yield names[start : start + TICKETS]


def _skus(count: int) -> list[str]:
    return [f"BENCH-{uuid4().hex[:12]}" for _ in range(count)]
