"""Cleanups and reconcile over many objects and rows."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psutil

from benchmarks import usage
from benchmarks.report import console, show
from devstack.product import Product

BODY = b"object"
PNG = "image/png"
INSERT_BATCH_SIZE = 1000
Case = tuple[str, Callable[[], Any]]


def measure_reconcile(product: Product, *, objects: int) -> None:
    """Measure a pass and both cleanups over `objects` objects, kept in memory, and as many rows."""
    import django  # noqa: PLC0415  after the product has set the environment

    django.setup()
    logging.disable(logging.WARNING)  # each lost object is logged
    # The tasks of beat would take part in the measurement.
    for child in (product.beat, product.worker, product.web):
        child.stop()
    results = []
    with _memory_store() as store:
        for name, work in _cases(store, objects):
            seconds, queries, growth = _measured(work)
            results.append((name, seconds, queries, growth / usage.KIB / usage.KIB))
            console.print(*results[-1])  # all of it takes minutes
    columns = ("work", "s", "queries", "memory MiB")
    show(f"{objects:,} objects or rows; one LIST call for 1,000 objects", columns, results)


def _cases(store: Any, objects: int) -> Iterator[Case]:
    """Yield each measurement after preparing it."""
    from media.models import MediaResource, ReconcileReport, UnknownObject  # noqa: PLC0415
    from media.services.cleanup import orphaned_media, temp_uploads  # noqa: PLC0415
    from media.services.reconcile import passes, unknown_objects  # noqa: PLC0415
    from media.services.reconcile.service import reconcile  # noqa: PLC0415

    _add_rows(store, objects)
    yield "a pass, all equal", lambda: reconcile(store=store, execute=True)
    keys = store.keys("media/")
    store.delete_many(keys[: objects // 200])
    yield "a pass, 0.5 % missing", lambda: reconcile(store=store, execute=True)
    rows = MediaResource.objects.all()
    rows._raw_delete(rows.db)  # noqa: SLF001  nothing refers to them
    yield "a pass, all unknown", lambda: reconcile(store=store, execute=True)
    UnknownObject.objects.update(recorded_at=datetime.fromtimestamp(0).astimezone())
    yield "the next pass, reports them", lambda: reconcile(store=store, execute=True)
    latest = passes.latest_finished()
    assert latest is not None
    yield "approval of all", lambda: unknown_objects.approve(latest.pk)
    ReconcileReport.objects.all().delete()
    _add_rows(store, objects)
    yield "cleanup_orphaned_media, all", lambda: orphaned_media.discard(execute=True)
    _add_uploads(store, objects)
    yield "cleanup_temp_uploads, all", lambda: temp_uploads.discard(store=store, execute=True)


def _measured(work: Callable[[], Any]) -> tuple[float, int, int]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    process = psutil.Process()
    usage.reset_peak(process.pid)
    before = process.memory_info().rss
    with CaptureQueriesContext(connection) as queries:
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
    return seconds, len(queries), usage.peak_bytes_of_one(process.pid) - before


@contextmanager
def _memory_store() -> Iterator[Any]:
    from media.models import own_identity  # noqa: PLC0415
    from media.storage import factory  # noqa: PLC0415
    from media.storage.marker import mark  # noqa: PLC0415
    from media.storage.testing.memory import MemoryStore  # noqa: PLC0415

    class LaterStore(MemoryStore):
        """A store by whose clock its objects are two days old."""

        def clock(self) -> datetime:
            return super().clock() + timedelta(days=2)

    stores = LaterStore(), LaterStore()
    for store in stores:
        mark(store, own_identity())
    with factory.replaced(public=stores[0], private=stores[1]):
        yield stores[0]


def _user() -> Any:
    from accounts.models import User  # noqa: PLC0415

    return User.objects.first()


def _add_rows(store: Any, count: int) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from media.models import MediaResource  # noqa: PLC0415
    from media.rules import keys  # noqa: PLC0415
    from media.storage import ObjectHeaders  # noqa: PLC0415
    from sartiq.core.models import new_id  # noqa: PLC0415

    user, long_ago = _user(), timezone.now() - timedelta(days=2)
    rows = []
    for _ in range(count):
        pk = new_id()
        key = keys.canonical_key(pk, "png")
        head = store.put(key, BODY, headers=ObjectHeaders(content_type=PNG))
        rows.append(
            MediaResource(
                id=pk,
                user=user,
                resource_type="IMAGE",
                storage_key=key,
                content_hash=f"{pk.int:064x}",
                etag=head.etag,
                content_type=PNG,
                extension="png",
                file_size=head.size,
                status="READY",
                ready_at=long_ago,
                unattached_at=long_ago,
            )
        )
    MediaResource.objects.bulk_create(rows, batch_size=INSERT_BATCH_SIZE)


def _add_uploads(store: Any, count: int) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from media.models import Upload  # noqa: PLC0415
    from media.rules import keys  # noqa: PLC0415
    from media.storage import ObjectHeaders  # noqa: PLC0415
    from sartiq.core.models import new_id  # noqa: PLC0415

    user, long_ago = _user(), timezone.now() - timedelta(days=2)
    rows = []
    for _ in range(count):
        key = keys.temp_key(file_id=new_id(), at=long_ago, filename="a.png", content_type=PNG)
        store.put(key, BODY, headers=ObjectHeaders(content_type=PNG))
        rows.append(
            Upload(user=user, key=key, filename="a.png", content_type=PNG, expires_at=long_ago)
        )
    Upload.objects.bulk_create(rows, batch_size=INSERT_BATCH_SIZE)
    Upload.objects.update(created_at=long_ago)
