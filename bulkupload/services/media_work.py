"""Taking in the pictures of one batch and showing them in their products.

Bytes are looked at by the ingest of media, outside any transaction; what the products show, the
outcome of each picture and its warning commit together, under the batch's lease, and only while
the job runs. What a later row replaced meanwhile is left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import QuerySet

from accounts.selectors import may_write
from bulkupload.models import (
    BatchStatus,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.rules.images import Problem
from bulkupload.services import finishing, media_counts, media_end, merging, remotes
from bulkupload.services.chunks import CONTENTION, OWNER_GONE
from bulkupload.services.media_counts import Outcome, Pictures
from catalog.services import showing
from media.errors import (
    IngestTimeError,
    RequestFilesTooLargeError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.models import MediaResource, ResourceStatus
from sartiq.core import leases
from sartiq.core.crashpoints import reach
from sartiq.core.errors import InvalidManyError, UnavailableError
from sartiq.core.leases import Lease, LeaseLostError

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 180, 300))
WHILE_STORE_REFUSES = timedelta(seconds=30)
WHILE_CONTENDED = timedelta(seconds=1)
UNUSABLE = "The file at this address cannot be used. Use another picture."
NOT_FOUND = "The picture is not there (any more). Upload it again and write its new address."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why one picture is not shown."""

    code: str
    message: str


GAVE_UP = Refusal(
    code="attempts_exhausted",
    message="The picture could not be taken in, in five attempts. Retry later.",
)
NO_STORE = Refusal(
    code="store_unavailable", message="The file store did not answer. Retry the upload later."
)
TOGETHER = Refusal(
    code="request_too_large",
    message="The pictures of one product may be 500 MiB together. Send fewer.",
)


def attach(batch_id: UUID) -> None:
    """Show the pictures of one batch, once, however often the task is delivered."""
    batch = BulkUploadMediaBatch.objects.select_related("job__user").filter(pk=batch_id).first()
    if batch is None or batch.job.status != JobStatus.RUNNING:
        return
    unfinished = BulkUploadMediaBatch.objects.unfinished().filter(pk=batch_id)
    lease = leases.take(unfinished.exclude(remotes__status=RemoteStatus.WAITING))
    if lease is None:
        return
    try:
        _attempt(lease, batch)
    except LeaseLostError:
        log.info("bulk_media_overtaken", batch_id=str(batch_id))
    except finishing.JobStoppedError:
        log.info("bulk_media_stopped", batch_id=str(batch_id))


def _attempt(lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch) -> None:
    job = batch.job
    try:
        if not job.user.is_active or not may_write(job.user, job.scope):
            finishing.cancel(job.pk, code="owner_gone", message=OWNER_GONE)
        elif lease.attempts > MOST_ATTEMPTS:  # its worker died every time
            _give_up(lease, batch, GAVE_UP)
        else:
            _show(lease, batch)
    except StoreRefusedError:  # wrong credentials: no file is at fault, so none is given up
        lease.release(after=WHILE_STORE_REFUSES, uncounted=True)
    except StoreUnavailableError:
        if lease.attempts >= MOST_ATTEMPTS:
            _give_up(lease, batch, NO_STORE)
        else:
            lease.release(after=PAUSES[lease.attempts - 1])
    except UnavailableError:  # others changed the same rows each time
        lease.release(after=WHILE_CONTENDED, uncounted=True)
    except OperationalError as error:
        if not isinstance(error.__cause__, CONTENTION):
            raise
        lease.release(after=WHILE_CONTENDED, uncounted=True)
    reach("media-attached")
    media_end.settle(job.pk, batch_id=batch.pk)
    finishing.advance(job.pk)


def _show(lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch) -> None:
    """Do the batch in pieces, smaller ones after each attempt that came to nothing."""
    rows = list(_pending(batch))
    known = remotes.found(batch.job.scope, {url for row in rows for url in row.urls})
    for piece in _pieces(rows, into=2 ** (lease.attempts - 1)):
        _show_piece(_Piece(lease=lease, batch=batch, rows=piece, known=known))
    with transaction.atomic():
        lease.require_held()
        finishing.require_running(batch.job_id)
        _end(batch)


def _show_piece(piece: "_Piece") -> None:
    """Show what is good; each refused picture is left out and the rest is tried again."""
    while True:
        piece.lease.renew()
        try:
            piece.write()
        except InvalidManyError as refused:
            piece.leave_out(refused)
        except (RequestFilesTooLargeError, IngestTimeError):
            halves = list(_pieces(piece.rows, into=2))
            if len(halves) == 1:
                piece.leave_out_all(TOGETHER)
                continue
            for half in halves:
                _show_piece(piece.of(half))
            return
        else:
            return


def _pieces(rows: Sequence[BulkUploadMedia], *, into: int) -> Iterator[list[BulkUploadMedia]]:
    """Split rows; those of one product stay together."""
    products = list(dict.fromkeys(row.product_id for row in rows))
    size = max(1, -(-len(products) // into))
    for start in range(0, len(products), size):
        some = set(products[start : start + size])
        yield [row for row in rows if row.product_id in some]


@dataclass(kw_only=True)
class _Piece:
    """Some products of a batch, written in one transaction."""

    lease: Lease[BulkUploadMediaBatch]
    batch: BulkUploadMediaBatch
    rows: list[BulkUploadMedia]
    known: Mapping[str, RemoteImage]
    refused: dict[str, Refusal] = field(default_factory=dict)
    current: list[BulkUploadMedia] = field(default_factory=list)
    products: set[UUID] = field(default_factory=set)

    def of(self, rows: list[BulkUploadMedia]) -> "_Piece":
        """Return a part of this piece."""
        return _Piece(
            lease=self.lease, batch=self.batch, rows=rows, known=self.known, refused=self.refused
        )

    def write(self) -> None:
        """Take the files in and show them; raises what the ingest does."""
        job = self.batch.job
        showing.show(
            user=job.user,
            scope=job.scope,
            product_ids={row.product_id for row in self.rows},
            urls=self._addresses(),
            choose=self._choose,
            then=self._note,
        )

    def leave_out(self, refused: InvalidManyError) -> None:
        """Remember which addresses were refused, and why."""
        asked = self._addresses()
        for issue in refused.issues:
            missing = issue.code == "file_not_found"
            self.refused[asked[int(issue.loc[-1])]] = Refusal(
                code="image_not_found" if missing else issue.code,
                message=NOT_FOUND if missing else issue.message,
            )

    def leave_out_all(self, refusal: Refusal) -> None:
        """Refuse every picture of the piece."""
        self.refused.update(dict.fromkeys(self._addresses(), refusal))

    def _addresses(self) -> list[str]:
        urls = (self._address(url) for row in self.rows for url in row.urls)
        return [url for url in dict.fromkeys(urls) if url not in self.refused]

    def _address(self, url: str) -> str:
        """Return the address of ours that holds the picture; what has none is refused."""
        remote = self.known.get(url)
        if remote is None:
            return url
        address = remotes.address_of(remote)
        if not address:
            # Another batch may have taken the file for bad a moment ago.
            refusal = remote.upload.refusal if remote.upload else ""
            self.refused[url] = Refusal(
                code=remote.failure_code or refusal or "image_not_found",
                message=remote.failure_message or (UNUSABLE if refusal else NOT_FOUND),
            )
        return address or url

    def _choose(self, product_ids: set[UUID]) -> Mapping[UUID, Mapping[str, list[str]]]:
        """Return what is still wanted of these products, the rows locked."""
        self.lease.require_held()
        finishing.require_running(self.batch.job_id)
        ids = [row.pk for row in self.rows]
        rows = _pending(self.batch).filter(pk__in=ids).select_for_update(of=("self",))
        self.current, self.products = list(rows), product_ids
        shown: dict[UUID, dict[str, list[str]]] = {}
        for row in self.current:
            good = [address for url in row.urls if (address := self._good(url))]
            if row.product_id in product_ids and (good or not row.urls):
                shown.setdefault(row.product_id, {})[row.slot] = good
        return shown

    def _good(self, url: str) -> str:
        address = self._address(url)
        return "" if address in self.refused else address

    def _note(self, resources: Mapping[str, MediaResource]) -> None:
        """Write the outcome of each row and the warnings."""
        reach("media-shown")
        gone = [row for row in self.current if row.product_id not in self.products]
        there = [row for row in self.current if row.product_id in self.products]
        outcomes: list[Outcome] = [(row, MediaStatus.REPLACED, Pictures()) for row in gone]
        problems: list[Problem] = []
        for row in there:
            problems.extend(
                problem_of(row, index, self.refused[address])
                for index, url in enumerate(row.urls)
                if (address := self._address(url)) in self.refused
            )
            outcomes.append(_outcome(row, [resources.get(self._good(url)) for url in row.urls]))
        merging.keep_warnings(self.batch.job, problems)
        media_counts.note(outcomes)
        reach("media-noted")


def problem_of(row: BulkUploadMedia, index: int, refusal: Refusal) -> Problem:
    """Return the warning about one picture."""
    return Problem(
        row=row.row,
        line=row.line,
        slot=row.slot,
        index=index,
        column=row.column,
        url=row.urls[index] if row.urls else "",
        code=refusal.code,
        message=refusal.message,
        cells=row.cells,
        is_late=True,
    )


def _outcome(row: BulkUploadMedia, resources: list[MediaResource | None]) -> Outcome:
    row.resources = [str(each.pk) if each else None for each in resources]
    statuses = [each.status if each else ResourceStatus.FAILED for each in resources]
    # Even a READY one is looked at again, once, where all ends are written.
    failed = statuses.count(ResourceStatus.FAILED)
    pending = len(statuses) - failed
    if pending:
        return row, MediaStatus.SHOWN, Pictures(pending=pending, failed=failed)
    return row, MediaStatus.FAILED if failed else MediaStatus.READY, Pictures(failed=failed)


def _pending(batch: BulkUploadMediaBatch) -> QuerySet[BulkUploadMedia]:
    rows = BulkUploadMedia.objects.filter(batch=batch, status=MediaStatus.PENDING)
    return rows.order_by("product_id", "slot")


def _give_up(
    lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch, refusal: Refusal
) -> None:
    """Warn of every picture of a batch that could not be taken in."""
    with transaction.atomic():
        lease.require_held()
        finishing.require_running(batch.job_id)
        rows = list(_pending(batch).select_for_update(of=("self",)))
        problems = [
            problem_of(row, index, refusal) for row in rows for index in range(len(row.urls) or 1)
        ]
        merging.keep_warnings(batch.job, problems)
        media_counts.note(
            [(row, MediaStatus.FAILED, Pictures(failed=len(row.urls))) for row in rows]
        )
        _end(batch)


def _end(batch: BulkUploadMediaBatch) -> None:
    BulkUploadMediaBatch.objects.filter(pk=batch.pk).update(
        status=BatchStatus.DONE, lease_holder=None, lease_expires_at=None
    )
