"""The store for R2 and other S3-compatible services."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.utils.http import content_disposition_header
from urllib3 import BaseHTTPResponse

from media.errors import ObjectNotFoundError, StoreRefusedError, StoreUnavailableError
from media.rules.keys import is_storable, require_storable, require_temp_key
from media.storage.contract import (
    Body,
    DeleteFailure,
    DeleteFailures,
    ObjectHead,
    ObjectHeaders,
    ObjectListing,
    SignedPut,
)
from media.storage.deadline import OPERATION_BUDGET, time_limit, within
from media.storage.s3 import multipart
from media.storage.s3.body import S3Reader
from media.storage.s3.connection import S3Clients, S3Connection
from media.storage.s3.errors import S3ResponseError, translated
from media.storage.s3.signed_requests import SignedRequests
from media.storage.s3.signing import CHECKSUM_HEADER, UrlSigner, put_headers, sha256_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE_SIZE: Final = 1000  # the maximum of a list and of a bulk delete

T = TypeVar("T")
# Inside the class, `list` is a method.
_Keys = list[str]
_Page = tuple[list[ObjectListing], bool]


class S3Store:
    """One bucket of an S3-compatible service."""

    def __init__(
        self,
        connection: S3Connection,
        bucket: str,
        *,
        clients: S3Clients | None = None,
        budget: timedelta = OPERATION_BUDGET,
    ) -> None:
        self._bucket = bucket
        self._clients = clients or S3Clients(connection)
        self._requests = SignedRequests(connection, bucket, self._clients)
        self._signer = UrlSigner(connection, bucket)
        self._budget = budget

    def sign_put(
        self,
        key: str,
        *,
        content_type: str,
        size: int | None,
        sha256: str | None,
        lifetime: timedelta,
        write_once: bool = False,
    ) -> SignedPut:
        """Sign type and key, and length, checksum and If-None-Match if given."""
        require_temp_key(key)
        headers = put_headers(content_type=content_type, sha256=sha256, write_once=write_once)
        length = {} if size is None else {"Content-Length": str(size)}
        url = self._signer.sign("PUT", key, lifetime=lifetime, headers=headers | length)
        return SignedPut(url=url, headers=headers)

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Sign a GET, with the download's name in the query when there is one."""
        params = {}
        if filename is not None:
            disposition = content_disposition_header(as_attachment=True, filename=filename)
            params["response-content-disposition"] = disposition or "attachment"
        return self._signer.sign("GET", require_storable(key), lifetime=lifetime, params=params)

    def clock(self) -> datetime | None:
        """Return the Date header of a response; some stores leave it out against RFC 9110."""
        with translated(), time_limit(self._budget):
            date = self._require_bucket().headers.get("Date")
        return None if date is None else _instant(date)

    def head(self, key: str) -> ObjectHead:
        """Return the metadata, with the checksum."""
        _require_valid_key(key)
        response = self._read("HEAD", key, {"x-amz-checksum-mode": "ENABLED"})
        response.drain_conn()
        return _head_of(key, response)

    def open(
        self,
        key: str,
        *,
        if_match: str | None = None,
        offset: int = 0,
        length: int | None = None,
    ) -> S3Reader:
        """Start one GET; the body is read as it is iterated."""
        _require_valid_key(key)
        request_headers: dict[str, str] = {}
        if if_match is not None:
            request_headers["If-Match"] = f'"{if_match}"'
        if offset or length is not None:
            request_headers["Range"] = byte_range(offset, length)
        response = self._read("GET", key, request_headers)
        with ExitStack() as cleanup:
            cleanup.callback(response.close)
            expected = _number(response.headers.get("Content-Length"))
            reader = S3Reader(_head_of(key, response), response, expected, budget=self._budget)
            cleanup.pop_all()
        return reader

    def copy(self, source: str, target: str, *, if_match: str, headers: ObjectHeaders) -> None:
        """Copy inside the bucket; botocore turns a 200 with an error document into a failure."""
        _require_valid_key(source)
        require_storable(target)
        self._run(
            lambda s3: s3.copy_object(
                Bucket=self._bucket,
                Key=target,
                CopySource={"Bucket": self._bucket, "Key": source},
                CopySourceIfMatch=f'"{if_match}"',
                MetadataDirective="REPLACE",
                **_stored_headers(headers),
            )
        )

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        """Store in one request, or in parts of 8 MiB held in memory one at a time."""
        require_storable(key)
        stored = _stored_headers(headers)
        parts = multipart.parts(body)
        first = next(parts, b"")
        if len(first) < multipart.PART_BYTES:
            self._run(lambda s3: s3.put_object(Bucket=self._bucket, Key=key, Body=first, **stored))
        else:
            multipart.upload(
                self._run, bucket=self._bucket, key=key, first=first, rest=parts, headers=stored
            )
        return self.head(key)

    def delete_many(self, keys: Iterable[str]) -> DeleteFailures:
        """Delete a thousand keys per request and return the failures in the responses."""
        valid_keys = sorted({key for key in keys if is_storable(key)})
        failures: DeleteFailures = []
        for start in range(0, len(valid_keys), PAGE_SIZE):
            failures += self._delete_page(valid_keys[start : start + PAGE_SIZE])
        return failures

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Iterator[ObjectListing]:
        """Page by the last key, so a listing can resume anywhere without a token."""
        more = True
        while more and limit > 0:
            page, more = self._list_page(prefix, after or "", min(limit, PAGE_SIZE))
            yield from page
            limit -= len(page)
            after = page[-1].key if page else after

    def close(self) -> None:
        """Close the connections this process holds."""
        self._clients.close()

    def _run(self, call: "Callable[[S3Client], T]") -> T:
        """Make one call within its time limit and translate its errors."""
        with translated(), self._clients.store_breaker.attempt():
            return within(self._budget, lambda: call(self._clients.get()))

    def _read(self, method: str, key: str, headers: dict[str, str]) -> BaseHTTPResponse:
        """Send one GET or HEAD within its time limit, without boto3."""
        with translated(), time_limit(self._budget):
            try:
                return self._requests.send(method, key, headers)
            except S3ResponseError as error:
                if error.may_be_missing_bucket:
                    self._require_bucket()
                raise

    def _require_bucket(self) -> BaseHTTPResponse:
        """Check that the bucket exists: a missing one is a wrong setting, not a missing object."""
        try:
            response = self._requests.send("HEAD", "", {})
        except S3ResponseError as error:
            if error.may_be_missing_bucket:
                raise StoreRefusedError from error
            raise
        response.drain_conn()
        return response

    def _delete_page(self, keys: _Keys) -> DeleteFailures:
        if not keys:
            return []
        response = self._run(
            lambda s3: s3.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        )
        return [
            DeleteFailure(
                key=error.get("Key", ""),
                code=error.get("Code", "Unknown"),
                message=error.get("Message", ""),
            )
            for error in response.get("Errors", [])
            if error.get("Code") != "NoSuchKey"
        ]

    def _list_page(self, prefix: str, after: str, size: int) -> _Page:
        response = self._run(
            lambda s3: s3.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after, MaxKeys=size
            )
        )
        page = [
            ObjectListing(
                key=entry["Key"],
                size=entry["Size"],
                etag=_bare(entry["ETag"]),
                last_modified=entry["LastModified"],
            )
            for entry in response.get("Contents", [])
        ]
        return page, bool(page) and response["IsTruncated"]


def byte_range(offset: int, length: int | None) -> str:
    """Return the Range header of `length` bytes from `offset`, to the end when None."""
    if offset < 0 or (length is not None and length < 1):
        message = f"{length} bytes at {offset} are not a valid range."
        raise ValueError(message)
    last = "" if length is None else str(offset + length - 1)
    return f"bytes={offset}-{last}"


def _head_of(key: str, response: BaseHTTPResponse) -> ObjectHead:
    """Read an object's headers; a response without them is not from the store."""
    headers = response.headers
    whole = headers.get("Content-Range", "").rpartition("/")[2]
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    if not etag or not modified:
        raise StoreUnavailableError
    return ObjectHead(
        key=key,
        size=_number(whole or headers.get("Content-Length")),
        etag=_bare(etag),
        content_type=headers.get("Content-Type", "binary/octet-stream"),
        last_modified=_instant(modified),
        sha256=sha256_of(headers.get(CHECKSUM_HEADER)),
    )


def _number(header: str | None) -> int:
    if header is None or not header.isdecimal():
        raise StoreUnavailableError
    return int(header)


def _instant(header: str) -> datetime:
    try:
        return parsedate_to_datetime(header)
    except ValueError as error:
        raise StoreUnavailableError from error


def _stored_headers(headers: ObjectHeaders) -> dict[str, Any]:
    arguments = {
        "ContentType": headers.content_type,
        "CacheControl": headers.cache_control,
        "ContentDisposition": headers.content_disposition,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _bare(etag: str) -> str:
    return etag.strip('"')


def _require_valid_key(key: str) -> None:
    """Raise ObjectNotFoundError for a key no store accepts: servers return odd statuses for it."""
    if not is_storable(key):
        raise ObjectNotFoundError
