"""Exports by the whole product compared with simple loops over the same files."""

import itertools
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from benchmarks import usage
from benchmarks.baselines import psql
from benchmarks.encoders import Choice, with_pillow, with_vips
from benchmarks.files import unique_jpeg
from benchmarks.report import show
from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually

SMALL_RUN, LARGE_RUN = 200, 2_000  # images
IMAGES_PER_PRODUCT = 50  # the maximum of a request
MAX_SECONDS = 1_800.0  # of one wait
SAMPLE_SECONDS = 0.05  # between two looks at the memory
ENDED = {"completed", "completed_with_errors", "failed"}
DUE_DELETIONS_SQL = (
    "SELECT count(*) FROM media_objectdeletion WHERE coalesce(run_after <= now(), true);"
)
MIB = 1024 * 1024
BASELINES = {
    "webp": (
        Choice("pillow", "webp", {"quality": 90}),
        Choice("vips", "webp", {"Q": 90, "effort": 2}),
    ),
    "jpeg": (
        Choice("pillow", "jpg", {"quality": 90}),
        Choice("vips", "jpg", {"Q": 90, "subsample_mode": "on"}),
    ),
    "png": (
        Choice("pillow", "png", {}),
        Choice("vips", "png", {"compression": 3, "filter": "all"}),
    ),
    "avif": (
        Choice("pillow", "avif", {"quality": 90, "speed": 9, "max_threads": 1}),
        Choice("vips", "avif", {"Q": 90, "effort": 0, "subsample_mode": "on"}),
    ),
}


def measure_exports(product: Product, *, rounds: int) -> None:
    """Print images/s and memory of 200 images to each format, by the product and by loops."""
    with ApiClient.member(product) as api_client, tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder), SMALL_RUN)
        ids = create_products(api_client, photos)
        for image_format, choices in BASELINES.items():
            exporters: dict[str, Callable[[], Measurement]] = {
                "sartiq, 2 workers": partial(
                    _export_by_product, product, api_client, ids, image_format
                )
            }
            for choice, count in itertools.product(choices, (2, 1)):
                name = f"{choice.library}, {count} process{'es' * (count > 1)}"
                exporters[name] = partial(_convert_in_pool, choice, photos, Path(folder), count)
            _compare(image_format, exporters, rounds)


def measure_memory(product: Product) -> None:
    """Print the memory of the worker's processes at rest and in runs of 200 and 2,000 images."""
    with ApiClient.member(product) as api_client, tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder), SMALL_RUN)
        small = create_products(api_client, photos)
        large = small + create_products(api_client, photos * (LARGE_RUN // SMALL_RUN - 1))
        rows: list[tuple[object, ...]] = []
        for image_format in ("webp", "avif"):
            # Not measured: it makes every process start.
            _export_by_product(product, api_client, small[:1], image_format)
            for name, ids in ((f"{SMALL_RUN}", small), (f"{LARGE_RUN:,}", large)):
                run = _export_by_product(product, api_client, ids, image_format)
                rows.append((f"{name} images to {image_format}", run.peak_bytes / MIB, run.seconds))
        show("Worker with its 2 processes and their children", ("run", "peak MiB", "s"), rows)


def create_products(api_client: ApiClient, photos: list[Path]) -> list[str]:
    """Create products with fifty of these photos each, wait until all are ready; return the ids."""
    ids = []
    for index in range(0, len(photos), IMAGES_PER_PRODUCT):
        bodies = [path.read_bytes() for path in photos[index : index + IMAGES_PER_PRODUCT]]
        with ThreadPoolExecutor(max_workers=8) as pool:
            urls = list(
                pool.map(lambda body: api_client.upload("a.jpg", body, "image/jpeg"), bodies)
            )
        ids.append(api_client.create_product(name=f"bench {index}", images=urls)["id"])
    for product_id in ids:
        api_client.wait_until_processed(product_id, within=MAX_SECONDS)
    return ids


def _photos(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{index:04}.jpg" for index in range(count)]
    for path in paths:
        path.write_bytes(unique_jpeg(f"export {path.stem}"))
    return paths


def _compare(
    image_format: str, exporters: dict[str, Callable[[], "Measurement"]], rounds: int
) -> None:
    """Measure all in turn, so that other work on the machine affects all alike."""
    runs: dict[str, list[Measurement]] = {name: [] for name in exporters}
    for _ in range(rounds):
        for name, export in exporters.items():
            runs[name].append(export())
    speed = {
        name: SMALL_RUN / statistics.median(run.seconds for run in own_runs)
        for name, own_runs in runs.items()
    }
    product_speed = speed[next(iter(exporters))]
    peaks = {name: max(run.peak_bytes for run in own_runs) for name, own_runs in runs.items()}
    rows = [
        (name, speed[name], product_speed / speed[name], peaks[name] / MIB) for name in exporters
    ]
    title = f"{SMALL_RUN} photos of 200 kB to {image_format}, median of {rounds}"
    show(title, ("exporter", "images/s", "sartiq / this", "peak MiB"), rows)


# --- The product ------------------------------------------------------------------------------
def _export_by_product(
    product: Product, api_client: ApiClient, ids: list[str], image_format: str
) -> "Measurement":
    """Export through the API, from the request to the finished archive."""
    _wait_for_deletions(product)
    configured = api_client.http.post(
        "/api/v1/export-configuration/", json={"image_format": image_format}
    )
    payload = {"product_ids": ids, "export_configuration_id": configured.json()["id"]}
    with Measurement.of_block(product.worker.pid) as measurement:
        started = api_client.http.post(
            "/api/v1/exports/", params=api_client.owner_parameters, json=payload
        )
        assert started.status_code == 202, started.text
        job: dict[str, Any] = eventually(
            lambda: api_client.http.get(started.headers["location"]).json(),
            lambda run: run["status"] in ENDED,
            within=MAX_SECONDS,
        )
    assert job["status"] == "completed", job
    assert job["counts"]["ready"] == len(ids) * IMAGES_PER_PRODUCT
    return measurement


def _wait_for_deletions(product: Product) -> None:
    """Wait until the workers have deleted the objects of earlier runs and uploads."""
    postgres = product.stack.postgres
    if postgres is None:
        raise ValueError("this benchmark needs the embedded PostgreSQL")
    eventually(
        lambda: psql.run(postgres, DUE_DELETIONS_SQL),
        lambda count: count == "0",
        within=MAX_SECONDS,
    )


# --- Simple loops -----------------------------------------------------------------------------
def _convert_in_pool(
    choice: Choice, photos: list[Path], folder: Path, processes: int
) -> "Measurement":
    """Convert in a pool of processes, then put everything into a ZIP."""
    os.environ["VIPS_CONCURRENCY"] = "1"
    targets = [path.with_suffix(f".out.{choice.suffix}") for path in photos]
    convert = partial(_convert, choice)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        # Not measured: it makes every process start and import its modules.
        list(pool.map(convert, photos[:processes], targets[:processes]))
        pids = [child.pid or 0 for child in multiprocessing.active_children()]
        with Measurement.of_block(*pids) as measurement:
            list(pool.map(convert, photos, targets))
            with zipfile.ZipFile(folder / "loop.zip", "w") as archive:
                for target in targets:
                    archive.write(target, target.name)
    return measurement


def _convert(choice: Choice, source: Path, target: Path) -> None:
    convert = {"pillow": with_pillow, "vips": with_vips}[choice.library]
    convert(str(source), str(target), choice.options)


# --- Memory -----------------------------------------------------------------------------------
@dataclass
class Measurement:
    """The duration of a block, and the peak memory of some processes while it runs."""

    seconds: float = 0.0
    peak_bytes: int = 0

    @classmethod
    @contextmanager
    def of_block(cls, *pids: int) -> Iterator[Self]:
        """Measure a `with` block, with the memory of these processes and their descendants."""
        measurement, ended = cls(), threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLE_SECONDS):
                used_bytes = sum(usage.proportional_bytes(pid) for pid in pids)
                measurement.peak_bytes = max(measurement.peak_bytes, used_bytes)

        watcher = threading.Thread(target=watch)
        watcher.start()
        started = time.perf_counter()
        try:
            yield measurement
        finally:
            measurement.seconds = time.perf_counter() - started
            ended.set()
            watcher.join()
