"""Some products of a batch: their pictures are taken in and shown in one transaction.

What earlier rows still wait to show in a slot is replaced in the transaction that fills it. Locks
are taken in one order: the products by SKU, the batches by id, the jobs by id, the rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from bulkupload.codes import ImageCode
from bulkupload.models import (
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteImage,
)
from bulkupload.rules.rows.image_cells import Problem
from bulkupload.services import lifecycle
from bulkupload.services.images import outcomes as media_counts
from bulkupload.services.images import remote_cache
from bulkupload.services.images.outcomes import Outcome, Pictures
from bulkupload.services.rows import merge
from catalog.services import attach_images
from media.models import MediaResource, ResourceStatus
from media.rules.failures import sentence_for
from media.services.ingest import resolve
from sartiq.core.errors import InvalidManyError
from sartiq.core.work.crash_points import reach
from sartiq.core.work.leases import Lease

MISSING: Final[ImageCode] = "image_not_found"
NOT_FOUND = "The picture is not there (any more). Upload it again and write its new address."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why one picture is not shown."""

    code: str
    message: str


@dataclass(kw_only=True)
class Piece:
    """Some products of a batch, written in one transaction."""

    lease: Lease[BulkUploadMediaBatch]
    batch: BulkUploadMediaBatch
    rows: list[BulkUploadMedia]
    known: Mapping[str, RemoteImage]
    refused: dict[str, Refusal] = field(default_factory=dict)
    current: list[BulkUploadMedia] = field(default_factory=list)
    replaced: list[BulkUploadMedia] = field(default_factory=list)
    products: set[UUID] = field(default_factory=set)

    def of(self, rows: list[BulkUploadMedia]) -> "Piece":
        """Return a part of this piece."""
        return Piece(
            lease=self.lease, batch=self.batch, rows=rows, known=self.known, refused=self.refused
        )

    def write(self) -> None:
        """Take the files in and show them; raises what the ingest does."""
        job = self.batch.job
        attach_images.show(
            user=job.user,
            scope=job.scope,
            product_ids={row.product_id for row in self.rows},
            urls=self._addresses(),
            choose=self._choose,
            then=self._note,
        )

    def leave_out(self, refused: InvalidManyError) -> None:
        """Remember which addresses were refused, and why: some another batch had refused before."""
        asked = self._addresses()
        issues = {asked[int(issue.loc[-1])]: issue for issue in refused.issues}
        missing = [url for url, issue in issues.items() if issue.code == "file_not_found"]
        for url, issue in issues.items():
            self.refused[url] = Refusal(code=issue.code, message=issue.message)
        self.refused.update(dict.fromkeys(missing, Refusal(code=MISSING, message=NOT_FOUND)))
        job = self.batch.job
        codes = resolve.refusals(user=job.user, scope=job.scope, urls=missing)
        for url, code in codes.items():
            self.refused[url] = Refusal(code=code, message=sentence_for(code))

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
        address = remote_cache.address_of(remote)
        if not address:
            # Another batch may have taken the file for bad a moment ago.
            refusal = remote.upload.refusal if remote.upload else ""
            self.refused[url] = Refusal(
                code=remote.failure_code or refusal or MISSING,
                message=remote.failure_message or (sentence_for(refusal) if refusal else NOT_FOUND),
            )
        return address or url

    def _choose(self, product_ids: set[UUID]) -> Mapping[UUID, Mapping[str, list[str]]]:
        """Return what is still wanted of these products, and note what that replaces."""
        self.products = product_ids
        earlier = self._lock(self._earlier())
        shown: dict[UUID, dict[str, list[str]]] = {}
        for row in self.current:
            good = [address for url in row.urls if (address := self._good(url))]
            if row.product_id in product_ids and (good or not row.urls):
                shown.setdefault(row.product_id, {})[row.slot] = good
        self.replaced = [row for row in earlier if row.slot in shown.get(row.product_id, {})]
        return shown

    def _earlier(self) -> list[BulkUploadMedia]:
        """Return what earlier rows still wait to show in the slots of this piece."""
        mine = {(row.product_id, row.slot): row for row in self.rows}
        rows = _pending().filter(product_id__in=self.products, job__status=JobStatus.RUNNING)
        return [
            row
            for row in rows.exclude(batch=self.batch)
            if (later := mine.get((row.product_id, row.slot))) and _age(row) < _age(later)
        ]

    def _lock(self, earlier: list[BulkUploadMedia]) -> list[BulkUploadMedia]:
        """Lock what this piece writes; return which of the earlier rows still wait.

        All batches are locked at once, before the lease's own: two pieces that count in the same
        batches wait for each other and never in a ring. The counts of an ended job stay.
        """
        batches = {self.batch.pk, *(row.batch_id for row in earlier)}
        locked = BulkUploadMediaBatch.objects.filter(pk__in=batches).order_by("pk")
        list(locked.select_for_update().values_list("pk", flat=True))
        self.lease.require_held()
        running = lifecycle.lock_running({self.batch.job_id, *(row.job_id for row in earlier)})
        if self.batch.job_id not in running:
            raise lifecycle.JobStoppedError
        ids = [row.pk for row in (*self.rows, *earlier) if row.job_id in running]
        rows = list(_pending().filter(pk__in=ids).select_for_update(of=("self",)))
        self.current = [row for row in rows if row.batch_id == self.batch.pk]
        return [row for row in rows if row.batch_id != self.batch.pk]

    def _good(self, url: str) -> str:
        address = self._address(url)
        return "" if address in self.refused else address

    def _note(self, resources: Mapping[str, MediaResource]) -> None:
        """Write the outcome of each row and the warnings."""
        reach("media-shown")
        gone = [row for row in self.current if row.product_id not in self.products]
        there = [row for row in self.current if row.product_id in self.products]
        done = [*gone, *self.replaced]
        outcomes: list[Outcome] = [(row, MediaStatus.REPLACED, Pictures()) for row in done]
        problems: list[Problem] = []
        for row in there:
            problems.extend(
                problem_of(row, index, self.refused[address])
                for index, url in enumerate(row.urls)
                if (address := self._address(url)) in self.refused
            )
            outcomes.append(_outcome(row, [resources.get(self._good(url)) for url in row.urls]))
        merge.keep_warnings(self.batch.job, problems)
        media_counts.note(outcomes)
        reach("media-noted")


def pending_of(batch: BulkUploadMediaBatch) -> QuerySet[BulkUploadMedia]:
    """Return the rows of a batch that are still to be shown."""
    return _pending().filter(batch=batch)


def _pending() -> QuerySet[BulkUploadMedia]:
    rows = BulkUploadMedia.objects.filter(status=MediaStatus.PENDING)
    return rows.defer("cells").order_by("product_id", "slot")  # for warnings only, up to 1 MiB


def _age(row: BulkUploadMedia) -> tuple[UUID, int]:
    """Return what grows from row to row and, as ids begin with the time, from job to job."""
    return row.job_id, row.row


def split(rows: Sequence[BulkUploadMedia], *, into: int) -> Iterator[list[BulkUploadMedia]]:
    """Split rows; those of one product stay together."""
    products = list(dict.fromkeys(row.product_id for row in rows))
    size = max(1, -(-len(products) // into))
    for start in range(0, len(products), size):
        some = set(products[start : start + size])
        yield [row for row in rows if row.product_id in some]


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
