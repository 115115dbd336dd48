"""Setup of the two buckets; steps the store does not allow are reported to the operator."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from django.conf import settings

from media.storage.bucket_markers import mark_buckets
from media.storage.factory import local_store, s3_connection
from media.storage.s3.connection import S3Clients
from media.storage.s3.errors import is_temporary_failure, translated
from media.storage.s3.signing import CHECKSUM_HEADER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef

_PREFLIGHT_SECONDS: Final = 3600
_NOT_FOUND: Final = 404


@dataclass(frozen=True, kw_only=True)
class Step:
    """The result of one step; `manual_step` says what is left to the operator."""

    sentence: str
    manual_step: str = ""


ConfirmAdoption = Callable[[str, str], bool]


def prepare_buckets(
    *, adopt: ConfirmAdoption | None = None, dry_run: bool = False
) -> Iterator[Step]:
    """Run each missing step and yield its result (in a dry run, what would be done).

    `adopt` is called with the name and the old identity of a bucket of another environment. Raises
    ForeignEnvironmentError, StoreUnavailableError.
    """
    steps = _folder_steps if settings.STORAGE == "local" else _s3_steps
    yield from steps(dry_run=dry_run)
    for sentence in mark_buckets(adopt=adopt, dry_run=dry_run):
        yield Step(sentence=sentence)


def upload_rule(origins: list[str]) -> "CORSRuleTypeDef":
    """Return the CORS rule for uploads to signed URLs from browsers on `origins`."""
    return {
        "AllowedOrigins": origins or ["*"],
        "AllowedMethods": ["PUT", "GET", "HEAD"],
        "AllowedHeaders": ["content-type", CHECKSUM_HEADER, "if-none-match"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": _PREFLIGHT_SECONDS,
    }


def download_rule(origins: list[str]) -> "CORSRuleTypeDef":
    """Return the CORS rule for downloads of exports and error files by browsers on `origins`."""
    return {
        "AllowedOrigins": origins or ["*"],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["range"],
        "ExposeHeaders": ["Content-Disposition", "Content-Length", "Content-Range", "ETag"],
        "MaxAgeSeconds": _PREFLIGHT_SECONDS,
    }


def _folder_steps(*, dry_run: bool) -> Iterator[Step]:
    for private in (False, True):
        name = settings.R2_PRIVATE_BUCKET_NAME if private else settings.R2_BUCKET_NAME
        where = f"folder {name} under {settings.LOCAL_STORE_DIR}"
        if dry_run:
            yield Step(sentence=f"Would create {where} if missing.")
        elif local_store(private=private).create():
            yield Step(sentence=f"Created {where}.")
        else:
            yield Step(sentence=f"Folder {name} exists.")


def _s3_steps(*, dry_run: bool) -> Iterator[Step]:
    public, private = settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME
    clients = S3Clients(s3_connection())
    try:
        with translated():
            for bucket in (public, private):
                yield _bucket_step(clients.get(), bucket, dry_run=dry_run)
            origins = settings.CORS_ALLOWED_ORIGINS
            rules = {
                (public, "upload to"): upload_rule(origins),
                (private, "download from"): download_rule(origins),
            }
            for (bucket, verb), rule in rules.items():
                yield _cors_step(clients.get(), bucket, rule, verb=verb, dry_run=dry_run)
    finally:
        clients.close()


def _bucket_step(s3: "S3Client", bucket: str, *, dry_run: bool) -> Step:
    refusal = _refusal_by(lambda: s3.head_bucket(Bucket=bucket))
    if refusal is None:
        return Step(sentence=f"Bucket {bucket} exists.")
    if refusal.status != _NOT_FOUND:
        return _manual_step(f"Could not check bucket {bucket}", refusal, _create_advice(bucket))
    if dry_run:
        return Step(sentence=f"Would create bucket {bucket}.")
    refusal = _refusal_by(lambda: s3.create_bucket(Bucket=bucket))
    if refusal is not None:
        return _manual_step(f"Could not create bucket {bucket}", refusal, _create_advice(bucket))
    return Step(sentence=f"Created bucket {bucket}.")


def _cors_step(
    s3: "S3Client", bucket: str, rule: "CORSRuleTypeDef", *, verb: str, dry_run: bool
) -> Step:
    origins = ", ".join(rule["AllowedOrigins"])
    if dry_run:
        return Step(sentence=f"Would let browsers of {origins} {verb} {bucket}.")
    configuration: Any = {"CORSRules": [rule]}
    refusal = _refusal_by(
        lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=configuration)
    )
    if refusal is None:
        return Step(sentence=f"Browsers of {origins} may {verb} {bucket}.")
    advice = f"Set this CORS policy on bucket {bucket}:\n{json.dumps([rule], indent=2)}"
    return _manual_step(f"Could not set the CORS policy of {bucket}", refusal, advice)


@dataclass(frozen=True)
class _Refusal:
    status: int
    code: str


def _refusal_by(call: Callable[[], object]) -> _Refusal | None:
    """Make one call; return the refusal of the store, None on success.

    A token for objects lacks the permission (401, 403), some stores do not support the call (405,
    409, 501); the other steps may still succeed. Raises temporary errors.
    """
    try:
        call()
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        if is_temporary_failure(status, code):
            raise
        return _Refusal(status, code)
    return None


def _manual_step(what: str, refusal: _Refusal, advice: str) -> Step:
    code = "" if refusal.code == str(refusal.status) else f" {refusal.code}"  # a HEAD has no code
    sentence = f"{what}: the store answered {refusal.status}{code}."
    return Step(sentence=sentence, manual_step=advice)


def _create_advice(bucket: str) -> str:
    return f"Create bucket {bucket} manually unless it exists, without public listing."
