"""Probes of the storage settings, through the same URLs that clients use.

Our own calls succeed with a wrong endpoint, too: one that ends in a bucket's name stores private
files in the public bucket. So a signed PUT is sent to the URL that clients get, and objects of both
buckets are read at the public URLs.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from media.errors import ObjectNotFoundError, StoreMisconfiguredError, StoreUnavailableError
from media.rules import keys
from media.storage.contract import ObjectHeaders, ObjectStore
from media.storage.deadline import OPERATION_BUDGET, time_limit
from media.storage.deadline_sockets import open_pool
from media.storage.factory import private_store, public_store
from media.storage.setup import Step
from sartiq.core.models import new_id

_LIFETIME: Final = timedelta(minutes=5)
_TYPE: Final = "image/png"
_ONLY_REDIRECTS: Final = Retry(total=3, connect=0, read=0, redirect=3, status=0, other=0)
_MAX_RESPONSE_BYTES: Final = 4096


def probe_buckets() -> Iterator[Step]:
    """Probe the buckets with small objects, which are deleted again, and yield the results.

    A URL that does not respond is reported as a step for the operator. Raises
    StoreMisconfiguredError when clients cannot upload or read, or when private objects are public;
    StoreUnavailableError.
    """
    if settings.STORAGE == "local":
        return
    yield from _probe_private()
    yield from _probe_public()


def _probe_private() -> Iterator[Step]:
    name = settings.R2_PRIVATE_BUCKET_NAME
    key = keys.private_key(keys.PrivateArea.EXPORTS, new_id(), "probe.txt")
    body = key.encode()
    urls = {f"{base}/{key}" for base in _public_bases()}
    urls |= {f"{base}/{name}/{key}" for base in _public_bases()}
    urls.add(f"{settings.S3_PUBLIC_ENDPOINT_URL.rstrip('/')}/{name}/{key}")
    store = private_store()
    with _deleted_afterwards(store, key):
        store.put(key, body, headers=ObjectHeaders(content_type="text/plain"))
        for url in sorted(urls):
            response = _get(url)
            if response is not None and response[1] == body:
                message = (
                    f"Anyone can read the private bucket {name} at {url}. Check"
                    " S3_ENDPOINT_URL (without a bucket's name) and the bucket's public access."
                )
                raise StoreMisconfiguredError(message)
    yield Step(sentence=f"Objects of {name} cannot be read without a signature.")


def _probe_public() -> Iterator[Step]:
    store = public_store()
    key = keys.temp_key(
        file_id=new_id(), at=datetime.now(UTC), filename="probe.png", content_type=_TYPE
    )
    body = key.encode()
    with _deleted_afterwards(store, key):
        step = _probe_put(store, key, body)
        yield step
        if step.manual_step:
            store.put(key, body, headers=ObjectHeaders(content_type=_TYPE))
        for base in _public_bases():
            yield _probe_reading(base, key, body)


def _probe_put(store: ObjectStore, key: str, body: bytes) -> Step:
    where = settings.S3_PUBLIC_ENDPOINT_URL
    signed = store.sign_put(
        key, content_type=_TYPE, size=len(body), sha256=None, lifetime=_LIFETIME
    )
    response = _request("PUT", signed.url, body, dict(signed.headers))
    if response is None:
        return _unreachable(f"S3_PUBLIC_ENDPOINT_URL ({where})", "a signed PUT")
    status, content = response
    if not 200 <= status < 300:  # noqa: PLR2004  HTTP statuses
        message = (
            f"Clients could not upload: S3_PUBLIC_ENDPOINT_URL ({where}) answered {status} to a"
            f" signed PUT. It must be the S3 API itself, not a public address. {_text(content)}"
        )
        raise StoreMisconfiguredError(message.strip())
    with suppress(ObjectNotFoundError):
        if store.head(key).size == len(body):
            return Step(sentence=f"A signed PUT is accepted at {where}.")
    message = (
        f"A signed PUT to S3_PUBLIC_ENDPOINT_URL ({where}) did not reach the bucket that"
        f" S3_ENDPOINT_URL ({settings.S3_ENDPOINT_URL}) reads."
    )
    raise StoreMisconfiguredError(message)


def _probe_reading(base: str, key: str, body: bytes) -> Step:
    response = _get(f"{base}/{key}")
    if response is None:
        return _unreachable(base, "reading a public object")
    status, content = response
    if content != body:
        message = (
            f"Public objects cannot be read at {base}: it answered {status}. Connect the bucket"
            f" {settings.R2_BUCKET_NAME} to that address, or correct R2_PUBLIC_URL and CDN_URL."
        )
        raise StoreMisconfiguredError(message)
    return Step(sentence=f"Public objects can be read at {base}.")


def _public_bases() -> list[str]:
    return list(dict.fromkeys([settings.R2_PUBLIC_URL, settings.CDN_URL]))


def _unreachable(where: str, what: str) -> Step:
    return Step(
        sentence=f"{where} does not answer from this machine.",
        manual_step=f"Try {what} from a client's network.",
    )


def _get(url: str) -> tuple[int, bytes] | None:
    return _request("GET", url, None, {})


def _request(
    method: str, url: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, bytes] | None:
    """Return status and body of an unauthenticated request, None without a response."""
    pool = open_pool(url, size=1)
    try:
        with time_limit(OPERATION_BUDGET):
            response = pool.request(
                method,
                url,
                body=body,
                headers=headers,
                retries=_ONLY_REDIRECTS,
                preload_content=False,
            )
            try:
                return response.status, response.read(_MAX_RESPONSE_BYTES, decode_content=True)
            finally:
                response.close()
    except (HTTPError, OSError, StoreUnavailableError):
        return None
    finally:
        pool.clear()


def _text(response: bytes) -> str:
    return " ".join(response.decode(errors="replace").split())[:200]


@contextmanager
def _deleted_afterwards(store: ObjectStore, key: str) -> Iterator[None]:
    """Delete the probe at the end of the block; if that fails, it does no harm."""
    try:
        yield
    finally:
        with suppress(StoreUnavailableError):
            store.delete_many([key])
