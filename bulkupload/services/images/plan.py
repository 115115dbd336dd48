"""Find out which images of a chunk's rows must be attached, and save them in batches for workers.

This runs at the end of the transaction that imports the chunk's rows. The transaction locks the
products, so if two jobs have the same product, the second one sees the pending images of the first.
They are replaced only when those of the second job have been attached, because that may fail.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db.models.functions import Now

from bulkupload import enqueue
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
)
from bulkupload.rules.limits import INSERT_BATCH_SIZE
from bulkupload.rules.rows.checked_rows import ValidRow, cells_as_json, shortened
from bulkupload.rules.rows.image_cells import (
    NOT_ALLOWED,
    NOT_ALLOWED_MESSAGE,
    TOO_MANY,
    TOO_MANY_MESSAGE,
    ImageWarning,
    read_row,
)
from bulkupload.services import row_errors
from bulkupload.services.images import remote_cache
from catalog.models import Product
from catalog.rules.slots import EntityType
from media import selectors as media_selectors
from media.models import Attachment, ResourceStatus
from media.rules.failures import sentence_for
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services.ingest import resolve
from media.services.ingest.resolve import SourcesByUrl

ProductSlot = tuple[UUID, str]  # the id of a product, and the name of one of its image fields

MAX_BATCH_SLOTS = 150  # slots that are emptied count too, but have no images that fill a batch


@dataclass(frozen=True, kw_only=True)
class SlotImages:
    """The images that one row assigns to one slot of its product."""

    row: ValidRow
    slot: str
    column: str
    urls: list[str]

    @property
    def sku(self) -> str:
        """The SKU of the product."""
        return self.row.sku


@dataclass(frozen=True, kw_only=True)
class ResolvedUrls:
    """What the URLs of a chunk refer to.

    `own` has the files in our store. `remote` maps each allowed remote URL to the URL of our copy,
    which is empty until the image is fetched. `refused` maps the URLs of uploads that failed a
    check to error codes.
    """

    own: SourcesByUrl
    remote: Mapping[str, str]
    refused: Mapping[str, str]

    def is_allowed(self, url: str) -> bool:
        """Whether the image may be attached."""
        return self.own.get(url) is not None or url in self.remote

    def must_be_fetched(self, url: str) -> bool:
        """Whether this is a remote URL of which our store has no copy."""
        return url in self.remote and self.own.get(self.remote[url]) is None

    def content_hash_of(self, url: str) -> str | None:
        """Return the SHA-256 of the image if it is already a resource."""
        source = self.own.get(self.remote.get(url, url))
        return source.resource.content_hash if source and source.resource else None


def plan_images(
    job: BulkUploadJob, chunk: BulkUploadChunk, slots: list[str], rows: Iterable[ValidRow]
) -> int:
    """Save the batches and warnings of a chunk's images; return how many images were refused."""
    if not slots:
        return 0
    warnings: list[ImageWarning] = []
    images = list(_read(job, slots, rows, warnings))
    resolved = _resolve(job, {url for slot_images in images for url in slot_images.urls})
    allowed = [
        usable
        for slot_images in images
        if (usable := _without_refused(slot_images, resolved, warnings))
    ]
    row_errors.save_warnings(job, _ordered_by_row(warnings))
    if not job.dry_run:
        _save(job, chunk, _changed(job, allowed, resolved), resolved)
    return sum(warning.image_count for warning in warnings)


def _read(
    job: BulkUploadJob, slots: list[str], rows: Iterable[ValidRow], warnings: list[ImageWarning]
) -> Iterator[SlotImages]:
    """Yield the images of the last row of each SKU; warn about lists that are too long."""
    names = {slot: job.layout.name_of(slot) for slot in slots}
    last = {row.sku: row for row in rows}
    for row in last.values():
        for slot, urls in read_row(slots, row.images).items():
            images = SlotImages(row=row, slot=slot, column=names[slot], urls=urls)
            if len(urls) > MAX_REQUEST_IMAGES:
                cell = row.images[slots.index(slot)]
                warning = _warning(images, 0, url=cell, code=TOO_MANY, message=TOO_MANY_MESSAGE)
                warnings.append(replace(warning, image_count=len(urls)))
            else:
                yield images


def _resolve(job: BulkUploadJob, urls: set[str]) -> ResolvedUrls:
    bases = media_selectors.public_base_urls()
    own = {url for url in urls if url.startswith(tuple(f"{base}/" for base in bases))}
    remote = remote_cache.find_allowed(job.scope, urls - own)
    fetched = {url for url in remote.values() if url}
    sources = resolve.resolve(user=job.user, scope=job.scope, urls=[*own, *fetched])
    unknown = {url for url in own if sources[url] is None}
    refused = resolve.refusals(user=job.user, scope=job.scope, urls=unknown)
    return ResolvedUrls(own=sources, remote=remote, refused=refused)


def _without_refused(
    images: SlotImages, resolved: ResolvedUrls, warnings: list[ImageWarning]
) -> SlotImages | None:
    """Return the images without the refused ones, None if all of them are refused."""
    urls = []
    for index, url in enumerate(images.urls):
        if resolved.is_allowed(url):
            urls.append(url)
        else:
            code = resolved.refused.get(url)
            message = sentence_for(code) if code else NOT_ALLOWED_MESSAGE
            warnings.append(
                _warning(images, index, url=url, code=code or NOT_ALLOWED, message=message)
            )
    return replace(images, urls=urls) if urls or not images.urls else None


def _warning(images: SlotImages, index: int, *, url: str, code: str, message: str) -> ImageWarning:
    """Return a warning about one image, by its index in the cell."""
    return ImageWarning(
        row=images.row.row,
        line=images.row.line,
        slot=images.slot,
        index=index,
        column=images.column,
        url=url,
        code=code,
        message=message,
        cells=cells_as_json(images.row.cells),
    )


def _ordered_by_row(warnings: Iterable[ImageWarning]) -> Iterator[ImageWarning]:
    """Yield the warnings in the order of rows; only the first of each row has the row's cells."""
    row = None
    for warning in sorted(warnings, key=lambda warning: (warning.row, warning.position)):
        yield warning if warning.row != row else replace(warning, cells="")
        row = warning.row


def _changed(
    job: BulkUploadJob, images: list[SlotImages], resolved: ResolvedUrls
) -> list[tuple[UUID, SlotImages]]:
    """Return the images that differ from those of their slot, each with its product's id.

    A slot counts as different, too, while images of a running job are pending for it.
    """
    skus = {slot_images.sku for slot_images in images}
    products = Product.objects.in_scope(job.scope).filter(sku__among=skus)
    ids = dict(products.values_list("sku", "pk"))
    attached = _attached_hashes(ids.values())
    rows = BulkUploadMedia.objects.filter(status=MediaStatus.PENDING, job__status=JobStatus.RUNNING)
    pending = set(rows.filter(product_id__in=ids.values()).values_list("product_id", "slot"))
    changed = []
    for slot_images in images:
        product_id = ids[slot_images.sku]
        product_slot = (product_id, slot_images.slot)
        hashes = [resolved.content_hash_of(url) for url in slot_images.urls]
        if product_slot in pending or hashes != attached.get(product_slot, []):
            changed.append((product_id, slot_images))
    return changed


def _attached_hashes(product_ids: Iterable[UUID]) -> dict[ProductSlot, list[str]]:
    """Return the SHA-256 of the files in each slot, in order; empty for a failed file."""
    rows = Attachment.objects.for_entities(EntityType.PRODUCT, product_ids)
    fields = rows.values_list("entity_id", "slot", "resource__content_hash", "resource__status")
    hashes: dict[ProductSlot, list[str]] = {}
    for entity_id, slot, content_hash, status in fields:
        usable = content_hash if status != ResourceStatus.FAILED else ""
        hashes.setdefault((entity_id, slot), []).append(usable)
    return hashes


def _save(
    job: BulkUploadJob,
    chunk: BulkUploadChunk,
    images: list[tuple[UUID, SlotImages]],
    resolved: ResolvedUrls,
) -> None:
    """Save the batches and enqueue those that need not wait for a remote image."""
    if not images:
        return
    urls = {url for _, slot_images in images for url in slot_images.urls}
    to_fetch = {url for url in urls if resolved.must_be_fetched(url)}
    remote_ids = remote_cache.register(job, to_fetch)
    batches: list[BulkUploadMediaBatch] = []
    media: list[BulkUploadMedia] = []
    links: dict[UUID, set[UUID]] = {}
    for group in _batches_of(images):
        rows = [_row(job, product_id, slot_images) for product_id, slot_images in group]
        pending = sum(row.pending for row in rows)
        batch = BulkUploadMediaBatch(job=job, chunk=chunk, pending=pending, sent_at=Now())
        for row in rows:
            row.batch = batch
        links[batch.pk] = {remote_ids[url] for row in rows for url in row.urls if url in remote_ids}
        batches.append(batch)
        media.extend(rows)
    BulkUploadMediaBatch.objects.bulk_create(batches, batch_size=INSERT_BATCH_SIZE)
    BulkUploadMedia.objects.bulk_create(media, batch_size=INSERT_BATCH_SIZE)
    remote_cache.save_links(links)
    for batch in batches:
        if not links[batch.pk]:
            enqueue.attach_media(batch.pk)


def _batches_of(
    images: list[tuple[UUID, SlotImages]],
) -> Iterator[list[tuple[UUID, SlotImages]]]:
    """Yield batches that have at most as many images as one request may have.

    The images of a product are not split, so a batch of one product may have more.
    """
    batch: list[tuple[UUID, SlotImages]] = []
    batch_image_count = 0
    for _, product_images in groupby(images, key=itemgetter(0)):
        group = list(product_images)
        image_count = sum(len(slot_images.urls) for _, slot_images in group)
        is_full = (
            batch_image_count + image_count > MAX_REQUEST_IMAGES or len(batch) >= MAX_BATCH_SLOTS
        )
        if batch and is_full:
            yield batch
            batch, batch_image_count = [], 0
        batch.extend(group)
        batch_image_count += image_count
    if batch:
        yield batch


def _row(job: BulkUploadJob, product_id: UUID, images: SlotImages) -> BulkUploadMedia:
    return BulkUploadMedia(
        job=job,
        product_id=product_id,
        slot=images.slot,
        row=images.row.row,
        line=images.row.line,
        column=shortened(images.column),
        cells=cells_as_json(images.row.cells),
        urls=images.urls,
        pending=len(images.urls),
    )
