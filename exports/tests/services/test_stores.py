"""Exports on every kind of store, with archives that are uploaded in several parts."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings as django_settings
from PIL import Image
from pytest_django import Settings

from accounts.models import User
from exports.models import ImageFormat, RunStatus
from exports.services import runs
from exports.tests.exporting import (
    archive_of,
    delete_due_objects,
    entry,
    files_of,
    finished_run,
    stored_keys,
)
from media.storage import ObjectStore, factory
from media.storage.local.store import LocalStore
from media.storage.s3.multipart import PART_BYTES
from media.storage.s3.store import S3Store
from media.tests.factories import ready_resource
from media.tests.rules.file_types.specimens import encoded
from media.tests.stores import adopt_buckets, watched_stores

SIDE_PIXELS = 1100  # of an image of noise, which cannot be compressed


@pytest.fixture
def folder(db: None, settings: Settings, tmp_path: Path) -> Iterator[LocalStore]:
    settings.STORAGE = "local"
    settings.LOCAL_STORE_DIR = tmp_path
    factory.reset()
    store = factory.local_store(private=False)
    with watched_stores(store, factory.local_store(private=True)):
        yield store
    factory.reset()


@pytest.fixture
def bucket(db: None, stack: dict[str, str]) -> Iterator[S3Store]:
    adopt_buckets()
    store = S3Store(factory.s3_connection(), django_settings.R2_BUCKET_NAME)
    private = S3Store(factory.s3_connection(), django_settings.R2_PRIVATE_BUCKET_NAME)
    with watched_stores(store, private):
        yield store
    store.close()
    private.close()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    chosen_store: ObjectStore = request.getfixturevalue(request.param)
    return chosen_store


def noise() -> bytes:
    pixels = os.urandom(3 * SIDE_PIXELS**2)
    image = Image.frombytes("RGB", (SIDE_PIXELS, SIDE_PIXELS), pixels)
    return encoded(image, "image/png", compress_level=0)


@pytest.mark.covers("T47")
def test_a_large_archive_is_the_same_on_every_store(store: ObjectStore, user: User) -> None:
    bodies = [noise() for _ in range(3)]
    entries = [entry(ready_resource(store, user, body)) for body in bodies]

    first, second = (
        finished_run(user, *entries, image_format=ImageFormat.ORIGINAL) for _ in range(2)
    )

    body = archive_of(first)
    assert (first.status, second.status) == (RunStatus.COMPLETED, RunStatus.COMPLETED)
    assert len(body) > PART_BYTES
    assert body == archive_of(second)
    assert first.archive_size == len(body)
    assert first.archive_sha256 == hashlib.sha256(body).hexdigest()
    assert list(files_of(first).values())[:3] == bodies
    delete_due_objects()
    keys = [key for key in stored_keys() if str(first.pk) in key or str(second.pk) in key]
    assert sorted(keys) == sorted([first.archive_key, second.archive_key])


def test_the_signed_url_downloads_the_archive_with_its_name(bucket: S3Store, user: User) -> None:
    run = finished_run(user, entry(ready_resource(bucket, user)))

    response = httpx.get(runs.sign_download(user=user, run_id=run.pk))

    assert response.content == archive_of(run)
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == 'attachment; filename="Shoot 12.zip"'
