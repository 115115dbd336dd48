"""Makes the two buckets ready, and says what it did; running it again changes nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from django.conf import settings

from media.storage.client import ClientHolder
from media.storage.factory import local_store, private_store, public_store, s3_connection
from media.storage.faults import translated
from media.storage.marker import environment_of, mark
from media.storage.signing import CHECKSUM_HEADER
from sartiq.core.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSConfigurationTypeDef

_PREFLIGHT_SECONDS: Final = 3600


class ForeignBucketError(ConflictError):
    """Raised when a bucket is marked as another environment's."""

    message = "The bucket belongs to another environment."


def prepare_buckets(*, dry_run: bool = False) -> Iterator[str]:
    """Make what is missing, yielding one sentence for each step done (or, dry, to be done)."""
    if settings.STORAGE == "local":
        yield from _prepare_folders(dry_run=dry_run)
    else:
        yield from _prepare_s3(dry_run=dry_run)
    if dry_run:
        yield f"Would mark both buckets as {settings.ENVIRONMENT_NAME} unless marked."
        return
    yield _marked(private=False)
    yield _marked(private=True)


def cors_rules(origins: list[str]) -> "CORSConfigurationTypeDef":
    """Return what a browser on `origins` needs to put to a signed URL and read the answer."""
    return {
        "CORSRules": [
            {
                "AllowedOrigins": origins or ["*"],
                "AllowedMethods": ["PUT", "GET", "HEAD"],
                "AllowedHeaders": ["content-type", CHECKSUM_HEADER, "if-none-match"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": _PREFLIGHT_SECONDS,
            }
        ]
    }


def _prepare_folders(*, dry_run: bool) -> Iterator[str]:
    for private in (False, True):
        name = settings.R2_PRIVATE_BUCKET_NAME if private else settings.R2_BUCKET_NAME
        if dry_run:
            yield f"Would make folder {name} under {settings.LOCAL_STORE_DIR} when missing."
        elif local_store(private=private).create():
            yield f"Made folder {name} under {settings.LOCAL_STORE_DIR}."
        else:
            yield f"Folder {name} exists."


def _prepare_s3(*, dry_run: bool) -> Iterator[str]:
    holder = ClientHolder(s3_connection())
    try:
        with translated():
            for bucket in (settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME):
                yield _bucket_made(holder.get(), bucket, dry_run=dry_run)
            yield _cors_set(holder.get(), settings.R2_BUCKET_NAME, dry_run=dry_run)
    finally:
        holder.close()


def _bucket_made(s3: "S3Client", bucket: str, *, dry_run: bool) -> str:
    if _exists(s3, bucket):
        return f"Bucket {bucket} exists."
    if dry_run:
        return f"Would create bucket {bucket}."
    s3.create_bucket(Bucket=bucket)
    return f"Created bucket {bucket}."


def _exists(s3: "S3Client", bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004  HTTP status
            return False
        raise
    return True


def _cors_set(s3: "S3Client", bucket: str, *, dry_run: bool) -> str:
    wanted = cors_rules(settings.CORS_ALLOWED_ORIGINS)
    origins = ", ".join(wanted["CORSRules"][0]["AllowedOrigins"])
    if dry_run:
        return f"Would let browsers of {origins} upload to {bucket}."
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=wanted)
    return f"Browsers of {origins} may upload to {bucket}."


def _marked(*, private: bool) -> str:
    """Mark a bucket once; a marker of another environment is never overwritten."""
    store = private_store() if private else public_store()
    name = settings.R2_PRIVATE_BUCKET_NAME if private else settings.R2_BUCKET_NAME
    marked = environment_of(store)
    if marked == settings.ENVIRONMENT_NAME:
        return f"{name} is marked as {marked}."
    if marked is not None:
        message = f"{name} is marked as {marked}, this is {settings.ENVIRONMENT_NAME}."
        raise ForeignBucketError(message)
    mark(store, settings.ENVIRONMENT_NAME)
    return f"Marked {name} as {settings.ENVIRONMENT_NAME}."
