"""Checks of every single write and deletion in the stores, at the moment it happens."""

import re
import threading
from collections.abc import Iterable
from typing import Final

from django.db import connection

from tests.model.environment import database

WRITABLE_KEYS: Final = {
    "public": re.compile(
        r"temp/[0-9a-f-]{36}_[0-9]{10}_[A-Za-z0-9._-]{1,100}"
        r"|media/[0-9a-f-]{36}/(file\.[a-z0-9]{2,8}|thumb\.webp)"
    ),
    "private": re.compile(r"(bulk|exports|loras)/[0-9a-f-]{36}(/[A-Za-z0-9._-]{1,100}){1,3}"),
}
CANONICAL_KEY: Final = re.compile(r"media/([0-9a-f-]{36})/(file|thumb)\..*")


class Observer:
    """Collects violations: one that is raised at once might be swallowed by the product."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._main = threading.main_thread()

    def require_no_transaction(self, action: str) -> None:
        """I09: no call to a store and no message inside a transaction."""
        if threading.current_thread() is self._main and connection.in_atomic_block:
            self.violations.append(f"I09: {action} inside a transaction")

    def check_write(self, bucket: str, key: str) -> None:
        """I07: only keys of known forms are written; I02: verified objects are never rewritten."""
        if not WRITABLE_KEYS[bucket].fullmatch(key):
            self.violations.append(f"I07: {key} was written")
        match = CANONICAL_KEY.fullmatch(key)
        if match and match[2] == "file":
            sql = "SELECT status FROM media_mediaresource WHERE id = %s AND status = 'READY'"
            if database.select(sql, match[1]):
                self.violations.append(f"I02: {key} was written again although it is verified")

    def check_deletion(self, bucket: str, keys: Iterable[str]) -> None:
        """I08: no object is deleted that a row needs."""
        for key in keys:
            needed = _needed_public(key) if bucket == "public" else _needed_private(key)
            if needed:
                self.violations.append(f"I08: {key} was deleted although {needed}")


def _needed_public(key: str) -> str:
    """Return which row needs an object of the public bucket, empty for none."""
    sql = "SELECT status FROM media_mediaresource WHERE storage_key = %s AND status <> 'FAILED'"
    if rows := database.select(sql, key):
        return f"a resource that is {rows[0][0]} has this key"
    match = CANONICAL_KEY.fullmatch(key)
    if match:
        sql = "SELECT status, has_thumbnail FROM media_mediaresource WHERE id = %s"
        rows = database.select(sql, match[1])
        status, has_thumbnail = rows[0] if rows else ("", False)
        is_needed = status == "PENDING" or (
            status == "READY" and (match[2] == "file" or has_thumbnail)
        )
        return f"its resource is {status}" if is_needed else ""
    sql = (
        "SELECT u.state FROM media_upload u JOIN media_mediaresource r ON r.id = u.resource_id"
        " WHERE u.key = %s AND u.state = 'CLAIMED' AND r.status = 'PENDING'"
    )
    return "its resource is waiting for it" if database.select(sql, key) else ""


def _needed_private(key: str) -> str:
    sql = (
        "SELECT 'an import' FROM bulkupload_bulkuploadjob WHERE %s IN (source_key, rows_key)"
        " AND status IN ('QUEUED', 'RUNNING')"
        " UNION ALL SELECT 'an archive' FROM exports_exportrun WHERE archive_key = %s"
        " AND status IN ('COMPLETED', 'COMPLETED_WITH_ERRORS')"
    )
    return "".join(f"{name} needs it" for (name,) in database.select(sql, key, key))
