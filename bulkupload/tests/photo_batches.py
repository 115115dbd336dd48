"""Photo batches with all their tasks run in this process."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

from django.utils import timezone

from accounts.models import OwnerScope, User
from bulkupload.models import OnExisting, PhotoBatch, PhotoFile
from bulkupload.services.photos import attach, batches, choices, finish, lifecycle, tickets
from bulkupload.services.photos.batches import BatchSettings, DeclaredPhoto, MatchedPhoto
from bulkupload.services.photos.choices import Choice
from catalog.models import Product
from media.models import Attachment
from media.storage import public_store
from media.tests.factories import PNG, client_put, drain, photo
from media.tests.stores import WatchedStore
from sartiq.core.models import Event

Files = Mapping[str, bytes]  # by path


def photos(*paths: str) -> Files:
    """Return different images, by path."""
    return {path: photo(number) for number, path in enumerate(paths, start=1)}


def declarations_of(files: Files, hashes: Mapping[str, str] | None = None) -> list[DeclaredPhoto]:
    """Return the declarations of files."""
    return [
        DeclaredPhoto(
            path=path, content_type=PNG, size=len(body), sha256=(hashes or {}).get(path, "")
        )
        for path, body in files.items()
    ]


def create(
    user: User,
    files: Files,
    *,
    scope: OwnerScope | None = None,
    on_existing: OnExisting = OnExisting.APPEND,
    hashes: Mapping[str, str] | None = None,
    template: str = "",
) -> tuple[PhotoBatch, list[MatchedPhoto]]:
    """Create a batch of these files."""
    with batches.creating(
        user=user,
        scope=scope or OwnerScope(user_id=user.pk),
        settings=BatchSettings(on_existing=on_existing, template=template),
        photos=declarations_of(files, hashes),
        now=timezone.now(),
    ) as batch_and_photos:
        return batch_and_photos


def send(user: User, batch: PhotoBatch, matched: Iterable[MatchedPhoto], files: Files) -> None:
    """Upload the photos that have tickets, and report them."""
    rows = [row for row in matched if row.ticket]
    store = cast("WatchedStore", public_store()).store
    for row in rows:
        assert row.ticket is not None
        assert client_put(store, row.ticket.put, files[row.photo.path]) == 200
    report(user, batch, [row.photo for row in rows])


def report(user: User, batch: PhotoBatch, rows: Sequence[PhotoFile]) -> None:
    """Report photos as uploaded."""
    if rows:
        tickets.report_uploaded(
            user=user,
            batch_id=batch.pk,
            photo_ids=[row.pk for row in rows],
            now=timezone.now(),
        )


def uploaded_batch(user: User, files: Files, **options: Any) -> PhotoBatch:
    """Create a batch, upload its files and start it."""
    batch, matched = create(user, files, **options)
    send(user, batch, matched, files)
    start(user, batch)
    return batch


def start(user: User, batch: PhotoBatch) -> None:
    """Start a batch."""
    lifecycle.start(user=user, batch_id=batch.pk, now=timezone.now())


def run(batch: PhotoBatch, *, reverse: bool = False) -> PhotoBatch:
    """Attach the photos of a batch, with every message delivered twice, and finish it."""
    rows = PhotoFile.objects.to_attach().filter(batch=batch).order_by("created_at", "path")
    ids = list((rows.reverse() if reverse else rows).values_list("pk", flat=True))
    for pk in [pk for pk in ids for _ in range(2)]:
        attach.attach(pk)
    drain()
    for _ in range(2):
        finish.finish(batch.pk)
    batch.refresh_from_db()
    return batch


def finished_batch(user: User, files: Files, **options: Any) -> PhotoBatch:
    """Create a batch and run it to its end."""
    return run(uploaded_batch(user, files, **options))


def product(user: User, sku: str, **fields: Any) -> Product:
    """Return a new product."""
    row: Product = Product.objects.create(user=user, name="Shoe", sku=sku, **fields)
    return row


def outcomes(batch: PhotoBatch) -> dict[str, str]:
    """Return the code of each photo that has one, else its status, by path."""
    rows = PhotoFile.objects.filter(batch=batch).order_by("path")
    return {row.path: row.failure_code or row.status for row in rows}


def image_hashes(product: Product) -> dict[str, list[str]]:
    """Return the short hashes of a product's images, by slot, in order."""
    hashes: dict[str, list[str]] = {}
    rows = Attachment.objects.for_entities("PRODUCT", [product.pk]).select_related("resource")
    for attachment in rows:
        hashes.setdefault(attachment.slot, []).append(attachment.resource.content_hash[:8])
    return hashes


def short_hashes(*numbers: int) -> list[str]:
    """Return the first digits of the SHA-256 of photos."""
    return [sha256(photo(number)).hexdigest()[:8] for number in numbers]


def retry(user: User, batch: PhotoBatch) -> None:
    """Retry the failed photos of a batch."""
    lifecycle.retry(user=user, batch_id=batch.pk, now=timezone.now())


def choose(user: User, batch: PhotoBatch, path: str, **values: object) -> None:
    """Choose product, slot or skipping for a photo."""
    choices.choose(
        user=user,
        batch_id=batch.pk,
        photo_id=batch.files.get(path=path).pk,
        choice=Choice(**values),  # type: ignore[arg-type]  # any value
        now=timezone.now(),
    )


def events() -> list[str]:
    """Return the actions recorded for photo batches, in order."""
    rows = Event.objects.filter(object_type="photo_batch").order_by("id")
    return [action.partition(".")[2] for action in rows.values_list("action", flat=True)]
