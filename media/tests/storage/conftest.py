import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from pytest_django import Settings

from media.rules import keys
from media.storage import ObjectStore, SignedPut, factory
from media.storage.local.store import LocalStore
from media.storage.s3.connection import S3Clients, S3Connection
from media.storage.s3.store import S3Store
from media.storage.testing.memory import MemoryStore
from media.tests.storage.client import send
from media.tests.storage.fault_proxy import FaultProxy

LIFETIME = timedelta(minutes=15)
NOWHERE = "http://127.0.0.1:1"  # nothing listens there, so the probes cannot test what clients see


@dataclass(frozen=True)
class Backend:
    """One store, and how its clients put to it."""

    name: str
    store: ObjectStore
    client_put: Callable[..., int]

    def sign(self, key: str, **changes: Any) -> SignedPut:
        """Sign a PUT of a PNG, with changes."""
        payload = {"content_type": "image/png", "size": None, "sha256": None, "lifetime": LIFETIME}
        return self.store.sign_put(key, **(payload | changes))


def put_over_http(
    signed: SignedPut, body: bytes, headers: dict[str, str] | None = None, **how: Any
) -> int:
    return send("PUT", signed.url, body, signed.headers if headers is None else headers, **how)[0]


@pytest.fixture
def temp_key() -> str:
    return keys.temp_key(
        file_id=uuid4(), at=datetime.now(UTC), filename="shoe.png", content_type="image/png"
    )


@pytest.fixture
def prefix() -> str:
    """A prefix for this test only: the S3 server is shared."""
    return f"media/{uuid4()}/"


@pytest.fixture
def connection(stack: dict[str, str]) -> S3Connection:
    return S3Connection(
        endpoint_url=stack["S3_ENDPOINT_URL"],
        public_endpoint_url=stack["S3_PUBLIC_ENDPOINT_URL"],
        access_key_id=stack["S3_ACCESS_KEY_ID"],
        secret_access_key=stack["S3_SECRET_ACCESS_KEY"],
        region="auto",
    )


@pytest.fixture
def s3_store(connection: S3Connection, stack: dict[str, str]) -> Iterator[S3Store]:
    store = S3Store(connection, stack["R2_BUCKET_NAME"])
    yield store
    store.close()


@pytest.fixture
def fresh_stores() -> Iterator[None]:
    """Create the stores from this test's settings, and forget them afterwards."""
    factory.reset()
    yield
    factory.reset()


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Do not log."""


@pytest.fixture
def local_server(settings: Settings, tmp_path: Path, fresh_stores: None) -> Iterator[str]:
    """Serve the routes of the local store, without a database."""
    settings.STORAGE = "local"
    settings.LOCAL_STORE_DIR = tmp_path
    settings.ROOT_URLCONF = "media.tests.storage.local_urls"
    settings.MIDDLEWARE = []
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.daemon_threads = True
    server.set_app(WSGIHandler())
    settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield settings.PUBLIC_BASE_URL
    server.shutdown()
    server.server_close()


@pytest.fixture
def local_store(local_server: str) -> LocalStore:
    return factory.local_store(private=False)


@pytest.fixture
def memory_store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=["memory_store", "local_store", "s3_store"])
def backend(request: pytest.FixtureRequest) -> Backend:
    store = request.getfixturevalue(request.param)
    client_put = store.client_put if request.param == "memory_store" else put_over_http
    return Backend(name=request.param, store=store, client_put=client_put)


@pytest.fixture(params=["local_store", "s3_store"])
def served(request: pytest.FixtureRequest) -> Backend:
    """A store whose clients use HTTP."""
    store = request.getfixturevalue(request.param)
    return Backend(name=request.param, store=store, client_put=put_over_http)


@pytest.fixture
def proxy(stack: dict[str, str]) -> Iterator[FaultProxy]:
    with FaultProxy(stack["S3_ENDPOINT_URL"]) as running:
        yield running


@pytest.fixture
def fresh_buckets(
    settings: Settings, stack: dict[str, str], fresh_stores: None
) -> Iterator[tuple[str, str]]:
    """The names of two new buckets, which are removed afterwards."""
    name = f"setup-{uuid4().hex[:12]}"
    settings.STORAGE = "s3"
    settings.ENVIRONMENT_NAME = "test"
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.test"]
    settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME = f"{name}-public", f"{name}-private"
    settings.R2_PUBLIC_URL = settings.CDN_URL = NOWHERE
    yield settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME
    settings.S3_ENDPOINT_URL = stack["S3_ENDPOINT_URL"]
    clients = S3Clients(factory.s3_connection())
    for bucket in (f"{name}-public", f"{name}-private"):
        for listed in clients.get().list_objects_v2(Bucket=bucket).get("Contents", []):
            clients.get().delete_object(Bucket=bucket, Key=listed["Key"])
        clients.get().delete_bucket(Bucket=bucket)
    clients.close()
