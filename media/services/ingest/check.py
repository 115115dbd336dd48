"""Concurrent checks of the fresh uploads of one request, before anything is written."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from media.errors import (
    FileCorruptError,
    FileNotFoundForCallerError,
    IngestTimeError,
    ObjectNotFoundError,
    PreconditionFailedError,
    RequestFilesTooLargeError,
    SourceChangedError,
)
from media.models import Upload
from media.rules import limits
from media.services.ingest.examine import ExaminedObject, examine, require_size
from media.storage import ObjectHead, ObjectStore
from sartiq.core.errors import InvalidError
from sartiq.core.limits import request_limits
from sartiq.core.limits.request_limits import map_in_threads
from sartiq.core.work.crash_points import crash_point

MAX_PARALLEL_STORE_CALLS = 8  # at a time for one request; more gain nothing on two cores

_WRONG_HASH = "The file does not match the declared SHA-256."  # for stores that do not check it

CheckResult = ExaminedObject | InvalidError
ResultsByKey = dict[str, CheckResult]  # the keys of stored objects


@dataclass(frozen=True)
class _TimeLimit:
    """When one request must stop reading files, by the monotonic clock."""

    ends: float

    def check(self) -> None:
        if time.monotonic() > self.ends:
            raise IngestTimeError


def inspect_all(store: ObjectStore, uploads: Sequence[Upload]) -> ResultsByKey:
    """Return for each upload, by key, the properties of its object or the reason it is rejected.

    Raises RequestFilesTooLargeError when the objects are too large in total, StoreUnavailableError
    when the store fails or the time limit of a request is exceeded.
    """
    distinct = list({upload.key: upload for upload in uploads}.values())
    if not distinct:
        return {}
    request_limits.extend(limits.REQUEST_BASE_TIME)
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=min(MAX_PARALLEL_STORE_CALLS, len(distinct))) as pool:
        heads = map_in_threads(pool, lambda upload: _head(store, upload), distinct)
        total = sum(head.size for head in heads if isinstance(head, ObjectHead))
        if total > limits.MAX_REQUEST_BYTES:
            raise RequestFilesTooLargeError(ctx={"limit": limits.MAX_REQUEST_BYTES, "size": total})
        crash_point("ingest-heads-read")
        request_limits.extend(limits.request_budget(total))
        time_limit = _TimeLimit(started + limits.request_budget(total).total_seconds())
        pairs = list(zip(distinct, heads, strict=True))
        results = map_in_threads(pool, lambda pair: _examine(store, *pair, time_limit), pairs)
    return {upload.key: result for upload, result in zip(distinct, results, strict=True)}


def _head(store: ObjectStore, upload: Upload) -> ObjectHead | InvalidError:
    try:
        head = store.head(upload.key)
        require_size(head)
    except ObjectNotFoundError:
        return FileNotFoundForCallerError()
    except InvalidError as error:
        return error
    return head


def _examine(
    store: ObjectStore, upload: Upload, head: ObjectHead | InvalidError, time_limit: _TimeLimit
) -> CheckResult:
    if isinstance(head, InvalidError):
        return head
    try:
        examined = examine(store, head, content_type=upload.content_type, on_chunk=time_limit.check)
    except ObjectNotFoundError:
        return FileNotFoundForCallerError()
    except PreconditionFailedError:
        return SourceChangedError()
    except InvalidError as error:
        return error
    return (
        examined if upload.sha256 in {"", examined.content_hash} else FileCorruptError(_WRONG_HASH)
    )
