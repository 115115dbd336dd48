"""Multipart uploads: one part in memory at a time, each part a bounded operation."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from media.errors import StoreUnavailableError
from media.storage.contract import Body

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES: Final = 8 * 1024 * 1024  # R2 requires the same size for all parts but the last

T = TypeVar("T")


class Run(Protocol):
    """Makes one call on the client, with a deadline and translated errors."""

    def __call__(self, call: "Callable[[S3Client], T]", /) -> T:
        """Return the result of the call."""
        ...


def parts(body: Body) -> Iterator[bytes]:
    """Cut a body into parts of exactly `PART_BYTES`, the last one shorter or absent."""
    buffer = bytearray()
    for chunk in chunks_of(body):
        buffer += chunk
        while len(buffer) >= PART_BYTES:
            yield bytes(buffer[:PART_BYTES])
            del buffer[:PART_BYTES]
    if buffer:
        yield bytes(buffer)


def upload(
    run: Run, *, bucket: str, key: str, first: bytes, rest: Iterable[bytes], headers: dict[str, Any]
) -> None:
    """Upload all parts and join them; after a failure no part is left behind."""
    target: dict[str, Any] = {"Bucket": bucket, "Key": key}
    started = run(lambda s3: s3.create_multipart_upload(**target, **headers))
    target["UploadId"] = started["UploadId"]
    try:
        completed = list(_put_parts(run, target, chain([first], rest)))
        run(lambda s3: s3.complete_multipart_upload(**target, MultipartUpload={"Parts": completed}))
    except BaseException:
        with suppress(StoreUnavailableError):
            run(lambda s3: s3.abort_multipart_upload(**target))
        raise


def _put_parts(
    run: Run, target: dict[str, Any], bodies: Iterable[bytes]
) -> "Iterator[CompletedPartTypeDef]":
    for number, body in enumerate(bodies, start=1):
        send = partial(_put_part, target | {"PartNumber": number, "Body": body})
        yield {"ETag": run(send), "PartNumber": number}


def _put_part(request: dict[str, Any], s3: "S3Client") -> str:
    return s3.upload_part(**request)["ETag"]


def chunks_of(body: Body) -> Iterator[bytes]:
    """Yield a body of any kind in pieces."""
    if isinstance(body, bytes | bytearray):
        for start in range(0, len(body), PART_BYTES):
            yield bytes(body[start : start + PART_BYTES])
    elif hasattr(body, "read"):
        while chunk := body.read(PART_BYTES):
            yield chunk
    else:
        yield from body
