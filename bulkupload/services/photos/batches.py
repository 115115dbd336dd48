"""Creating photo batches and adding photos: matched before a byte is sent, with upload tickets."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from accounts.models import OwnerScope, User
from bulkupload import selectors
from bulkupload.actions import PhotoBatchAction
from bulkupload.errors import (
    EmptyFileNameError,
    FileNameNotUnicodeError,
    FileNameTooLongError,
    PhotoBatchEndedError,
    RepeatedPathError,
    TooManyPhotosError,
)
from bulkupload.models import OnExisting, PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.models.photos import MAX_PATH_LENGTH
from bulkupload.rules.limits import MAX_PHOTOS
from bulkupload.rules.photos.matching import Match
from bulkupload.rules.photos.templates import require_readable
from bulkupload.services.photos import dispatch, tickets
from bulkupload.services.photos.lifecycle import lock
from bulkupload.services.photos.match_names import apply_match, match_names
from catalog.rules.identifiers import clean_identifier
from media.errors import (
    FileNameRefusedError,
    FileTooLargeError,
    FileTooSmallError,
    ImageRequiredError,
)
from media.models import MediaResource
from media.rules import keys, limits
from media.rules.file_types.content_types import IMAGE_CONTENT_TYPES, require_acceptable
from media.services.uploads import UploadTicket
from sartiq.core import events
from sartiq.core.errors import InvalidError, InvalidValuesError, Issue
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

MAX_NAME_LENGTH = 255
ONLY_DOTS = (".", "..")
PATH_TOO_LONG = "A path has at most 500 characters."
NO_IMAGE = "A photo batch accepts images only: JPEG, PNG, WebP, GIF and AVIF."


@dataclass(frozen=True, kw_only=True)
class DeclaredPhoto:
    """A photo a client wants to upload; `size` is in bytes, `sha256` is hex."""

    path: str
    content_type: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """The name of a batch, its naming template, and what happens to the slots' pictures."""

    name: str = ""
    template: str = ""
    on_existing: OnExisting = OnExisting.APPEND


@dataclass(frozen=True, kw_only=True)
class MatchedPhoto:
    """A photo of a batch, with its upload ticket if its bytes are needed."""

    photo: PhotoFile
    ticket: UploadTicket | None


@contextmanager
def creating(
    *,
    user: User,
    scope: OwnerScope,
    settings: BatchSettings,
    photos: Sequence[DeclaredPhoto],
    now: datetime,
) -> Iterator[tuple[PhotoBatch, list[MatchedPhoto]]]:
    """Save a batch with its matched photos; the `with` block runs in the same transaction.

    Raises InvalidValuesError with every photo that is not accepted, TemplateError and
    TemplateWithoutSkuError.
    """
    if settings.template:
        require_readable(settings.template)
    batch = PhotoBatch(
        id=new_id(),
        user_id=user.pk,
        organization_id=scope.organization_id,
        name=settings.name,
        template=settings.template,
        on_existing=settings.on_existing,
        last_arrival_at=now,
    )
    rows = _matched(batch, photos, existing_paths=set(), now=now)
    with transaction.atomic():
        batch.save(force_insert=True)
        matched_photos = _saved_with_tickets(user, batch, rows, now=now)
        events.record(PhotoBatchAction.CREATED, batch, photos=len(rows))
        yield batch, matched_photos
        crash_point("photo-batch-saving")


def add(
    *, user: User, batch_id: UUID, photos: Sequence[DeclaredPhoto], now: datetime
) -> list[MatchedPhoto]:
    """Add matched photos to a batch that has not ended, all or none.

    Raises PhotoBatchNotFoundError, PhotoBatchEndedError, TooManyPhotosError, InvalidValuesError.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    if batch.is_finished:  # before problems of the photos: they can go into another batch
        raise PhotoBatchEndedError
    paths = [photo.path for photo in photos]
    existing_paths = set(batch.files.filter(path__in=paths).values_list("path", flat=True))
    rows = _matched(batch, photos, existing_paths=existing_paths, now=now)
    with transaction.atomic():
        if lock(batch).is_finished:
            raise PhotoBatchEndedError
        if batch.files.count() + len(rows) > MAX_PHOTOS:
            raise TooManyPhotosError(loc=("body", "files"), ctx={"limit": MAX_PHOTOS})
        repeated = (
            set(batch.files.filter(path__in=paths).values_list("path", flat=True)) - existing_paths
        )
        _raise(_repeated(paths, repeated))  # added by another request meanwhile
        PhotoBatch.objects.filter(pk=batch.pk).update(last_arrival_at=now, updated_at=now)
        matched_photos = _saved_with_tickets(user, batch, rows, now=now)
        dispatch.top_up_after_commit(batch.pk)
    return matched_photos


def require_acceptable_photos(
    photos: Sequence[DeclaredPhoto], *, existing_paths: AbstractSet[str] = frozenset()
) -> None:
    """Raise InvalidValuesError with every photo whose name, type or size is not accepted."""
    paths = [photo.path for photo in photos]
    _raise([*_refused(photos), *_repeated(paths, existing_paths)])


def _matched(
    batch: PhotoBatch, photos: Sequence[DeclaredPhoto], *, existing_paths: set[str], now: datetime
) -> list[PhotoFile]:
    """Return the unsaved rows of photos, matched with products and with stored files."""
    require_acceptable_photos(photos, existing_paths=existing_paths)
    paths = [photo.path for photo in photos]
    stored_resources = _stored_resources(batch.scope, photos)
    matches = match_names(batch.scope, batch.template, paths)
    return [
        _row(batch, photo, match, stored_resources.get(photo.sha256.lower()), now)
        for photo, match in zip(photos, matches, strict=True)
    ]


def _row(
    batch: PhotoBatch,
    photo: DeclaredPhoto,
    match: Match,
    resource_id: UUID | None,
    now: datetime,
) -> PhotoFile:
    row = PhotoFile(
        id=new_id(),
        batch=batch,
        path=photo.path,
        content_type=photo.content_type,
        file_size=photo.size,
        sha256=photo.sha256.lower(),
    )
    apply_match(row, match)
    if resource_id is not None:
        row.resource_id, row.arrived_at, row.status = resource_id, now, PhotoStatus.UPLOADED
    return row


def _stored_resources(scope: OwnerScope, photos: Sequence[DeclaredPhoto]) -> Mapping[str, UUID]:
    """Return the owner's READY resources with the declared hashes, by hash."""
    hashes = {photo.sha256.lower() for photo in photos if photo.sha256}
    if not hashes:
        return {}
    rows = MediaResource.objects.in_scope(scope).ready().filter(content_hash__in=hashes)
    return dict(rows.values_list("content_hash", "pk"))


def _saved_with_tickets(
    user: User, batch: PhotoBatch, rows: Sequence[PhotoFile], *, now: datetime
) -> list[MatchedPhoto]:
    waiting = [row for row in rows if row.status == PhotoStatus.WAITING]
    issued = tickets.issue(user=user, batch=batch, photos=waiting, now=now)
    PhotoFile.objects.bulk_create(rows)
    return [MatchedPhoto(photo=row, ticket=issued.get(row.pk)) for row in rows]


def _refused(photos: Sequence[DeclaredPhoto]) -> Iterator[Issue]:
    """Yield an issue for each photo whose name, type or size is not accepted."""
    for index, photo in enumerate(photos):
        checks: tuple[tuple[str, object, Callable[[], None]], ...] = (
            ("filename", photo.path, partial(_require_name, photo.path)),
            ("content_type", photo.content_type, partial(_require_image, photo.content_type)),
            ("file_size", photo.size, partial(_require_size, photo.size)),
        )
        for name, value, check in checks:
            try:
                check()
            except InvalidError as error:
                yield error.at("body", "files", index, name, value=value)


def _require_name(path: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in path):
        raise FileNameNotUnicodeError
    if keys.has_control_characters(path):
        raise FileNameRefusedError
    if len(path) > MAX_PATH_LENGTH:
        raise FileNameTooLongError(PATH_TOO_LONG, ctx={"max_length": MAX_PATH_LENGTH})
    name = clean_identifier(path.replace("\\", "/").rpartition("/")[2])
    if not name or name in ONLY_DOTS:
        raise EmptyFileNameError
    if len(name) > MAX_NAME_LENGTH:
        raise FileNameTooLongError(ctx={"max_length": MAX_NAME_LENGTH})


def _require_image(content_type: str) -> None:
    if not content_type.startswith("image/"):
        raise ImageRequiredError(NO_IMAGE, ctx={"allowed": list(IMAGE_CONTENT_TYPES)})
    require_acceptable(content_type)  # it names the format to export a drawing or a raw photo as


def _require_size(size: int) -> None:
    if size < limits.MIN_FILE_SIZE:
        raise FileTooSmallError
    if size > limits.MAX_FILE_SIZE:
        raise FileTooLargeError(ctx={"max_file_size": limits.MAX_FILE_SIZE})


def _repeated(paths: Sequence[str], existing_paths: AbstractSet[str]) -> Iterator[Issue]:
    """Yield an issue for each path that another photo has."""
    earlier_paths = set(existing_paths)
    for index, path in enumerate(paths):
        if path in earlier_paths:
            yield RepeatedPathError().at("body", "files", index, "filename", value=path)
        earlier_paths.add(path)


def _raise(issues: Iterable[Issue]) -> None:
    if listed := list(issues):
        raise InvalidValuesError(listed)
