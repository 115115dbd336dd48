"""A bucket as the checker sees it: its listing, and the hashes of its objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import boto3
from botocore.config import Config

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing."""

    size: int
    modified: datetime


class Bucket(Protocol):
    """What the checker needs to know."""

    def listing(self) -> Mapping[str, StoredObject]:
        """Return all objects by key."""

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of an object, in hexadecimal."""


class S3Bucket:
    """A bucket of an S3 store."""

    def __init__(self, env: Mapping[str, str], name: str, *, endpoint: str) -> None:
        self._name = name
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=env["S3_ACCESS_KEY_ID"],
            aws_secret_access_key=env["S3_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                response_checksum_validation="when_required",
                max_pool_connections=16,
            ),
        )

    def listing(self) -> dict[str, StoredObject]:
        """Return all objects by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name)
        return {
            item["Key"]: StoredObject(item["Size"], item["LastModified"])
            for page in pages
            for item in page.get("Contents", [])
        }

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of an object, in hexadecimal."""
        digest = sha256()
        body = self._client.get_object(Bucket=self._name, Key=key)["Body"]
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()
