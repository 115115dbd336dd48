"""Finding out which pictures of a chunk's rows are work: those their products do not show yet.

Runs in the chunk's transaction, after its rows were merged: the products are locked, so of two
jobs that bring one product the later one sees what the earlier one still wants. It is replaced
only when the later row is shown: that one may fail.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

from django.db.models.functions import Now

from bulkupload import deferred
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
)
from bulkupload.rules.limits import ROWS_AT_ONCE
from bulkupload.rules.rows.cleaning import GoodRow, shown, stored_cells
from bulkupload.rules.rows.image_cells import (
    NOT_ALLOWED,
    NOT_ALLOWED_MESSAGE,
    TOO_MANY,
    TOO_MANY_MESSAGE,
    Problem,
    read_row,
)
from bulkupload.services.images import remote_cache
from bulkupload.services.rows import merge
from catalog.models import Product
from catalog.rules.slots import EntityType
from media import selectors as media_selectors
from media.models import Attachment, ResourceStatus
from media.rules.failures import sentence_for
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services.ingest import resolve
from media.services.ingest.resolve import Sources

Place = tuple[UUID, str]

MAX_BATCH_SLOTS = 150  # of one batch, where most are only cleared


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one row asks of one slot."""

    row: GoodRow
    slot: str
    column: str
    urls: list[str]

    @property
    def sku(self) -> str:
        """The product it asks for."""
        return self.row.values[0]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done for one product."""

    product_id: UUID
    asked: Asked


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the addresses of a chunk name: files of ours, and remote pictures.

    `remote` maps an allowed one to the address of ours it was fetched to, empty before that;
    `refused` an upload whose bytes were refused to the code of that.
    """

    ours: Sources
    remote: Mapping[str, str]
    refused: Mapping[str, str]

    def is_allowed(self, url: str) -> bool:
        """Whether the address may be shown at all."""
        return self.ours.get(url) is not None or url in self.remote

    def has_to_be_fetched(self, url: str) -> bool:
        """Whether the address is a remote one whose picture we do not have."""
        return url in self.remote and self.ours.get(self.remote[url]) is None

    def content_of(self, url: str) -> str | None:
        """Return the SHA-256 of what the address holds, where it is a resource already."""
        source = self.ours.get(self.remote.get(url, url))
        return source.known.content_hash if source and source.known else None


def plan(
    job: BulkUploadJob, chunk: BulkUploadChunk, slots: list[str], rows: Iterable[GoodRow]
) -> int:
    """Write the work and the warnings of a chunk's pictures; return how many were refused."""
    if not slots:
        return 0
    problems: list[Problem] = []
    asked = list(_read(job, slots, rows, problems))
    known = _look_up(job, {url for each in asked for url in each.urls})
    allowed = [left for each in asked if (left := _permitted(each, known, problems))]
    merge.keep_warnings(job, _by_row(problems))
    if not job.dry_run:
        _keep(job, chunk, _different(job, allowed, known), known)
    return sum(problem.pictures for problem in problems)


def _read(
    job: BulkUploadJob, slots: list[str], rows: Iterable[GoodRow], problems: list[Problem]
) -> Iterator[Asked]:
    """Yield what the last row of each SKU asks; a list that is too long asks nothing."""
    names = {slot: job.layout.name_of(slot) for slot in slots}
    last = {row.values[0]: row for row in rows}
    for row in last.values():
        for slot, urls in read_row(slots, row.images).items():
            asked = Asked(row=row, slot=slot, column=names[slot], urls=urls)
            if len(urls) > MAX_REQUEST_IMAGES:
                cell = row.images[slots.index(slot)]
                problem = _problem(asked, 0, TOO_MANY, TOO_MANY_MESSAGE, url=cell)
                problems.append(replace(problem, pictures=len(urls)))
            else:
                yield asked


def _look_up(job: BulkUploadJob, urls: set[str]) -> Known:
    bases = media_selectors.our_bases()
    ours = {url for url in urls if url.startswith(tuple(f"{base}/" for base in bases))}
    remote = remote_cache.known(job.scope, urls - ours)
    fetched = {url for url in remote.values() if url}
    found = resolve.resolve(user=job.user, scope=job.scope, urls=[*ours, *fetched])
    nothing = {url for url in ours if found[url] is None}
    refused = resolve.refusals(user=job.user, scope=job.scope, urls=nothing)
    return Known(ours=found, remote=remote, refused=refused)


def _permitted(asked: Asked, known: Known, problems: list[Problem]) -> Asked | None:
    """Return what is left without refused addresses; None when there is nothing left to show."""
    left = []
    for index, url in enumerate(asked.urls):
        if known.is_allowed(url):
            left.append(url)
        else:
            code = known.refused.get(url)
            message = sentence_for(code) if code else NOT_ALLOWED_MESSAGE
            problems.append(_problem(asked, index, code or NOT_ALLOWED, message, url=url))
    return replace(asked, urls=left) if left or not asked.urls else None


def _problem(asked: Asked, index: int, code: str, message: str, *, url: str) -> Problem:
    return Problem(
        row=asked.row.row,
        line=asked.row.line,
        slot=asked.slot,
        index=index,
        column=asked.column,
        url=url,
        code=code,
        message=message,
        cells=stored_cells(asked.row.cells),
    )


def _by_row(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems by row; only the first of each keeps the row's cells."""
    row = None
    for each in sorted(problems, key=lambda problem: (problem.row, problem.position)):
        yield each if each.row != row else replace(each, cells="")
        row = each.row


def _different(job: BulkUploadJob, asked: list[Asked], known: Known) -> list[Work]:
    """Return the work: slots that show something else, or that another row still waits for."""
    skus = {each.sku for each in asked}
    mine = Product.objects.in_scope(job.scope).filter(sku__among=skus)
    ids = dict(mine.values_list("sku", "pk"))
    now = _contents(ids.values())
    rows = BulkUploadMedia.objects.filter(status=MediaStatus.PENDING, job__status=JobStatus.RUNNING)
    pending = set(rows.filter(product_id__in=ids.values()).values_list("product_id", "slot"))
    work = []
    for each in asked:
        place = (ids[each.sku], each.slot)
        contents = [known.content_of(url) for url in each.urls]
        if place in pending or contents != now.get(place, []):
            work.append(Work(product_id=place[0], asked=each))
    return work


def _contents(product_ids: Iterable[UUID]) -> dict[Place, list[str]]:
    """Return the contents that each slot shows, in order; of a failed file none."""
    rows = Attachment.objects.for_entities(EntityType.PRODUCT, product_ids)
    facts = rows.values_list("entity_id", "slot", "resource__content_hash", "resource__status")
    found: dict[Place, list[str]] = {}
    for entity_id, slot, digest, status in facts:
        good = digest if status != ResourceStatus.FAILED else ""
        found.setdefault((entity_id, slot), []).append(good)
    return found


def _keep(job: BulkUploadJob, chunk: BulkUploadChunk, work: list[Work], known: Known) -> None:
    """Write the batches."""
    if not work:
        return
    urls = {url for each in work for url in each.asked.urls}
    waited = remote_cache.register(job, {url for url in urls if known.has_to_be_fetched(url)})
    batches: list[BulkUploadMediaBatch] = []
    media: list[BulkUploadMedia] = []
    links: dict[UUID, set[UUID]] = {}
    for group in _grouped(work):
        rows = [_row(job, each) for each in group]
        pending = sum(row.pending for row in rows)
        batch = BulkUploadMediaBatch(job=job, chunk=chunk, pending=pending, sent_at=Now())
        for row in rows:
            row.batch = batch
        links[batch.pk] = {waited[url] for row in rows for url in row.urls if url in waited}
        batches.append(batch)
        media.extend(rows)
    BulkUploadMediaBatch.objects.bulk_create(batches, batch_size=ROWS_AT_ONCE)
    BulkUploadMedia.objects.bulk_create(media, batch_size=ROWS_AT_ONCE)
    remote_cache.link(links)
    for batch in batches:
        if not links[batch.pk]:
            deferred.attach_media(batch.pk)


def _grouped(work: list[Work]) -> Iterator[list[Work]]:
    """Yield work that is done together: whole products, about as much as one request may ask."""
    some: list[Work] = []
    pictures = 0
    for _, group in groupby(work, key=lambda each: each.product_id):
        product = list(group)
        size = sum(len(each.asked.urls) for each in product)
        full = pictures + size > MAX_REQUEST_IMAGES or len(some) >= MAX_BATCH_SLOTS
        if some and full:
            yield some
            some, pictures = [], 0
        some.extend(product)
        pictures += size
    if some:
        yield some


def _row(job: BulkUploadJob, work: Work) -> BulkUploadMedia:
    asked = work.asked
    return BulkUploadMedia(
        job=job,
        product_id=work.product_id,
        slot=asked.slot,
        row=asked.row.row,
        line=asked.row.line,
        column=shown(asked.column),
        cells=stored_cells(asked.row.cells),
        urls=asked.urls,
        pending=len(asked.urls),
    )
