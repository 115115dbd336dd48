"""The public and the private store, created from the settings once per process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings

from media.storage.contract import ObjectStore
from media.storage.local.store import LocalStore
from media.storage.s3.connection import S3Clients, S3Connection
from media.storage.s3.store import S3Store

_replaced: dict[str, ObjectStore] = {}


def public_store() -> ObjectStore:
    """Return the store of temp/, media/ and images/, which is publicly readable."""
    return _replaced.get("public") or _store(settings.R2_BUCKET_NAME)


def private_store() -> ObjectStore:
    """Return the store of loras/, exports/ and bulk/, read through signed URLs only."""
    return _replaced.get("private") or _store(settings.R2_PRIVATE_BUCKET_NAME)


def local_store(*, private: bool) -> LocalStore:
    """Return a bucket of the filesystem store, for the routes that serve it."""
    bucket = settings.R2_PRIVATE_BUCKET_NAME if private else settings.R2_BUCKET_NAME
    return _local_store(bucket)


def s3_connection() -> S3Connection:
    """Return the S3 connection of the settings."""
    return S3Connection(
        endpoint_url=settings.S3_ENDPOINT_URL,
        public_endpoint_url=settings.S3_PUBLIC_ENDPOINT_URL,
        access_key_id=settings.S3_ACCESS_KEY_ID,
        secret_access_key=settings.S3_SECRET_ACCESS_KEY,
        region=settings.S3_REGION,
        pool_size=settings.S3_POOL_SIZE,
    )


@contextmanager
def replaced(
    *, public: ObjectStore | None = None, private: ObjectStore | None = None
) -> Iterator[None]:
    """Replace the stores inside the block, for tests."""
    previous = dict(_replaced)
    stores = {"public": public, "private": private}
    _replaced.update({name: store for name, store in stores.items() if store is not None})
    try:
        yield
    finally:
        _replaced.clear()
        _replaced.update(previous)


def reset() -> None:
    """Discard the cached stores; the next call reads the settings again."""
    if _clients.cache_info().currsize:
        _clients().close()
    for factory in (_clients, _s3_store, _local_store):
        factory.cache_clear()


def _store(bucket: str) -> ObjectStore:
    return _local_store(bucket) if settings.STORAGE == "local" else _s3_store(bucket)


@cache
def _clients() -> S3Clients:
    return S3Clients(s3_connection())


@cache
def _s3_store(bucket: str) -> S3Store:
    return S3Store(s3_connection(), bucket, clients=_clients())


@cache
def _local_store(bucket: str) -> LocalStore:
    return LocalStore(settings.LOCAL_STORE_DIR, bucket, base_url=settings.PUBLIC_BASE_URL)
