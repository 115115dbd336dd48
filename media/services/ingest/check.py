"""Looking at many fresh uploads at once, before anything is written."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

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
from media.services.ingest.examine import Examined, examine, require_size
from media.storage import ObjectHead, ObjectStore
from sartiq.core.errors import InvalidError
from sartiq.core.work.crash_points import crash_point

AT_ONCE = 8  # downloads of one request; the disk and two cores gain nothing from more

_OTHER = "The file does not match the declared SHA-256."  # of a store that does not check

Verdict = Examined | InvalidError
Verdicts = dict[str, Verdict]
Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class _Clock:
    """The end of the time one request may spend reading files, by the monotonic clock."""

    ends: float

    def check(self) -> None:
        if time.monotonic() > self.ends:
            raise IngestTimeError


def inspect_all(store: ObjectStore, uploads: Sequence[Upload]) -> Verdicts:
    """Return what was found, or the refusal, for the object of each upload.

    Raises RequestFilesTooLargeError when they are too many bytes together, StoreUnavailableError
    when the store fails or the time of one request is over.
    """
    distinct = list({upload.key: upload for upload in uploads}.values())
    if not distinct:
        return {}
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(distinct))) as pool:
        heads = _each(pool, distinct, lambda upload: _head(store, upload))
        total = sum(head.size for head in heads if isinstance(head, ObjectHead))
        if total > limits.MAX_REQUEST_BYTES:
            raise RequestFilesTooLargeError(ctx={"limit": limits.MAX_REQUEST_BYTES, "size": total})
        crash_point("ingest-heads-read")
        clock = _Clock(started + limits.request_budget(total).total_seconds())
        pairs = list(zip(distinct, heads, strict=True))
        verdicts = _each(pool, pairs, lambda pair: _examine(store, *pair, clock))
    return {upload.key: verdict for upload, verdict in zip(distinct, verdicts, strict=True)}


def _each(
    pool: ThreadPoolExecutor, items: Iterable[Item], work: Callable[[Item], Found]
) -> list[Found]:
    return list(pool.map(work, items))


def _head(store: ObjectStore, upload: Upload) -> ObjectHead | InvalidError:
    try:
        head = store.head(upload.key)
        require_size(head)
    except ObjectNotFoundError:
        return FileNotFoundForCallerError()
    except InvalidError as refusal:
        return refusal
    return head


def _examine(
    store: ObjectStore, upload: Upload, head: ObjectHead | InvalidError, clock: _Clock
) -> Verdict:
    if isinstance(head, InvalidError):
        return head
    try:
        found = examine(store, head, content_type=upload.content_type, watch=clock.check)
    except ObjectNotFoundError:
        return FileNotFoundForCallerError()
    except PreconditionFailedError:
        return SourceChangedError()
    except InvalidError as refusal:
        return refusal
    return found if upload.sha256 in {"", found.content_hash} else FileCorruptError(_OTHER)
