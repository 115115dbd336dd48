import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from media.storage import ObjectHeaders, factory, private_store, public_store
from media.storage.local.store import LocalStore
from media.storage.s3.connection import S3Clients
from media.storage.s3.store import S3Store
from media.storage.testing.memory import MemoryStore


@pytest.mark.usefixtures("fresh_stores")
def test_the_two_stores_have_their_buckets_and_are_created_once(settings: Settings) -> None:
    settings.STORAGE = "s3"

    assert isinstance(public_store(), S3Store)
    assert public_store() is public_store()
    assert public_store() is not private_store()


@pytest.mark.usefixtures("fresh_stores")
def test_the_stores_follow_the_setting(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE = "local"
    settings.LOCAL_STORE_DIR = tmp_path

    private_store().put("bulk/a", b"x", headers=ObjectHeaders(content_type="text/csv"))

    assert isinstance(public_store(), LocalStore)
    assert (tmp_path / settings.R2_PRIVATE_BUCKET_NAME / "bulk" / "a").read_bytes() == b"x"


def test_a_test_may_replace_a_store() -> None:
    test_store = MemoryStore()

    with factory.replaced(public=test_store):
        assert public_store() is test_store
        with factory.replaced(private=test_store):
            assert private_store() is test_store

    assert public_store() is not test_store


def test_threads_share_one_client(s3_store: S3Store) -> None:
    stores = []
    clients: S3Clients = s3_store._clients
    threads = [threading.Thread(target=lambda: stores.append(clients.get())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(client) for client in stores}) == 1


@pytest.mark.covers("F39")
def test_a_forked_process_creates_its_own_client(s3_store: S3Store, prefix: str) -> None:
    s3_store.put(prefix + "a", b"x", headers=ObjectHeaders(content_type="image/png"))
    own_client_id = id(s3_store._clients.get())

    child_pid = os.fork()
    if child_pid == 0:  # pytest must not continue here: report by exit status
        is_same = id(s3_store._clients.get()) == own_client_id
        os._exit(1 if is_same or s3_store.head(prefix + "a").size != 1 else 0)
    _, status = os.waitpid(child_pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert s3_store.head(prefix + "a").size == 1


@pytest.mark.usefixtures("fresh_stores")
def test_presigned_urls_name_the_public_endpoint(settings: Settings, temp_key: str) -> None:
    settings.STORAGE = "s3"
    settings.S3_PUBLIC_ENDPOINT_URL = "https://uploads.example.test"

    url = public_store().sign_get(temp_key, lifetime=timedelta(minutes=1))

    assert url.startswith(f"https://uploads.example.test/{settings.R2_BUCKET_NAME}/{temp_key}?")
