"""Stores behind a fault proxy."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from media.storage.s3.connection import S3Connection
from media.storage.s3.store import S3Store
from media.tests.storage.fault_proxy import FaultProxy
from media.tests.storage.s3.operations import BUDGET, OPERATIONS, PNG, Operation


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> Operation:
    return OPERATIONS[request.param]


@pytest.fixture
def key(s3_store: S3Store, prefix: str) -> str:
    """The key of a stored object with the bytes `Hello`."""
    s3_store.put(prefix + "file", b"Hello", headers=PNG)
    return prefix + "file"


@pytest.fixture
def proxied_store(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str]
) -> Iterator[S3Store]:
    proxy_connection = replace(connection, endpoint_url=proxy.url)
    store = S3Store(proxy_connection, stack["R2_BUCKET_NAME"], budget=BUDGET)
    yield store
    store.close()


@pytest.fixture
def patient_store(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str]
) -> Iterator[S3Store]:
    """The store with its real time limit."""
    store = S3Store(replace(connection, endpoint_url=proxy.url), stack["R2_BUCKET_NAME"])
    yield store
    store.close()
