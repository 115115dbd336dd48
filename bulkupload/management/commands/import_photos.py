import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from accounts.models import Membership, OwnerScope, User
from accounts.selectors import scope_for
from bulkupload import selectors
from bulkupload.management.output_file import output_file, require_two_files, write
from bulkupload.models import OnExisting, PhotoBatch, PhotoBatchStatus, PhotoFile, PhotoStatus
from bulkupload.rules.limits import MAX_PHOTOS, MAX_REQUEST_PHOTOS
from bulkupload.rules.photos.templates import require_readable
from bulkupload.services.photos import attach, batches, finish, lifecycle, report, tickets
from bulkupload.services.photos.batches import BatchSettings, DeclaredPhoto, MatchedPhoto
from bulkupload.services.photos.local_files import LocalPhoto, local_files, upload
from bulkupload.services.photos.match_names import match_names
from media.models import MediaResource
from media.services import relocation
from media.storage import public_store
from sartiq.core.errors import InvalidValuesError, SartiqError
from sartiq.core.models import due_and_unleased

POLL_SECONDS = 0.2  # while workers hold all remaining work of the batch
# Exit codes:
NOT_ALL_ATTACHED = 1
FAILED = 3  # the source or a service failed, or the batch was cancelled
CANCELLED = "The import was cancelled. Photos that were already attached stay."
NOT_ALL_MATCH = "Not every photo matches one product. --report FILE lists what each name means."
NOT_ALL_WERE_ATTACHED = "Not every photo was attached. --report FILE says why."
NO_PHOTOS = "There is no JPEG, PNG, WebP, GIF or AVIF file in it."


class Command(BaseCommand):
    """Import the photos of a folder or a ZIP through the services of the API."""

    help = (
        "Match the photos of a folder or a ZIP with products by file name, and attach them. "
        "Exits with 0 if all were attached, 1 if some were not, 3 if it failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the source, its owner and the options."""
        parser.add_argument("source", type=Path, metavar="FOLDER", help="a folder or a ZIP")
        parser.add_argument(
            "--organization", type=UUID, metavar="ID", help="the owner of the products"
        )
        parser.add_argument(
            "--user",
            metavar="EMAIL",
            help="the user who imports; default: the first active owner of the organization",
        )
        parser.add_argument("--template", default="", help="the naming template of the files")
        parser.add_argument(
            "--replace", action="store_true", help="replace the pictures of the slots"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what each name means, and attach nothing"
        )
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="write what became of each photo as CSV"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the photos and print the outcome."""
        require_two_files(
            options["source"], options["report"], option="--report", returncode=FAILED
        )
        try:
            user = _user(options["user"], options["organization"])
            scope = scope_for(user, options["organization"])
            if options["template"]:
                require_readable(options["template"])
            with (
                local_files(options["source"]) as files,
                output_file(options["report"]) as target,
            ):
                photos = _photos(files)
                if options["dry_run"]:
                    lines, counts = _matches(scope, options["template"], photos)
                    is_complete = counts["matched"] == len(photos)
                    is_cancelled = False
                else:
                    batch = self._import(user, scope, options, photos)
                    lines, counts = report.report(batch), _counts(batch)
                    is_complete = counts["ready"] == len(photos)
                    is_cancelled = batch.status == PhotoBatchStatus.CANCELLED
                if target:
                    write(options["report"], target, lines)
        except (SartiqError, OSError) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except KeyboardInterrupt as error:  # before there was a batch
            raise CommandError(CANCELLED, returncode=FAILED) from error
        counts["other_files"] = len(files) - len(photos)
        self.stdout.write(json.dumps(counts) if options["json"] else _as_text(counts))
        if is_cancelled:
            raise CommandError(CANCELLED, returncode=FAILED)
        if not is_complete:
            message = NOT_ALL_MATCH if options["dry_run"] else NOT_ALL_WERE_ATTACHED
            raise CommandError(message, returncode=NOT_ALL_ATTACHED)

    def _import(
        self, user: User, scope: OwnerScope, options: dict[str, Any], photos: Sequence[LocalPhoto]
    ) -> PhotoBatch:
        console = Console(stderr=True)
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        with Progress(
            *columns, MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
        ) as bar:
            task = bar.add_task("Reading", total=len(photos))
            declared = _read(photos, lambda: bar.advance(task))
            bar.update(task, description="Uploading", completed=0)
            files = {photo.path: photo for photo in photos}
            batch, matched = _create(user, scope, options, declared[:MAX_REQUEST_PHOTOS])
            try:
                with _cancelling_on_error(user, batch):
                    _upload(user, batch, matched, files, lambda: bar.advance(task))
                    for matched in _add(user, batch, declared[MAX_REQUEST_PHOTOS:]):
                        _upload(user, batch, matched, files, lambda: bar.advance(task))
                lifecycle.start(user=user, batch_id=batch.pk, now=timezone.now())
                bar.update(task, description="Attaching", completed=0)
                self._attach(batch, bar, task)
            except KeyboardInterrupt:  # otherwise the workers would continue
                lifecycle.cancel(user=user, batch_id=batch.pk)
        batch.refresh_from_db()
        return batch

    def _attach(self, batch: PhotoBatch, bar: Progress, task: TaskID) -> None:
        """Attach the photos that no worker holds until the batch has ended."""
        while not batch.is_finished:
            if not _step(batch):
                time.sleep(POLL_SECONDS)
            batch.refresh_from_db()
            bar.update(task, completed=_counts(batch)["ready"])


def _read(photos: Sequence[LocalPhoto], on_read: Callable[[], None]) -> list[DeclaredPhoto]:
    """Read all photos before the first one is sent, because one may be unreadable."""
    declared = []
    for photo in photos:
        declared.append(photo.declared_with_hash())
        on_read()
    return declared


def _create(
    user: User, scope: OwnerScope, options: dict[str, Any], photos: Sequence[DeclaredPhoto]
) -> tuple[PhotoBatch, list[MatchedPhoto]]:
    settings = BatchSettings(
        name=options["source"].name[:255],
        template=options["template"],
        on_existing=OnExisting.REPLACE if options["replace"] else OnExisting.APPEND,
    )
    with batches.creating(
        user=user, scope=scope, settings=settings, photos=photos, now=timezone.now()
    ) as created:
        return created


def _add(
    user: User, batch: PhotoBatch, photos: Sequence[DeclaredPhoto]
) -> Iterator[list[MatchedPhoto]]:
    """Add photos to a batch, some hundred at a time."""
    for at in range(0, len(photos), MAX_REQUEST_PHOTOS):
        part = photos[at : at + MAX_REQUEST_PHOTOS]
        yield batches.add(user=user, batch_id=batch.pk, photos=part, now=timezone.now())


def _upload(
    user: User,
    batch: PhotoBatch,
    matched: Sequence[MatchedPhoto],
    files: dict[str, LocalPhoto],
    on_upload: Callable[[], None],
) -> None:
    """Upload the photos that have tickets, and report them."""
    upload(public_store(), matched, files, on_upload=on_upload)
    ids = [row.photo.pk for row in matched if row.ticket]
    if ids:
        tickets.report_uploaded(user=user, batch_id=batch.pk, photo_ids=ids, now=timezone.now())


@contextmanager
def _cancelling_on_error(user: User, batch: PhotoBatch) -> Iterator[None]:
    """Cancel a batch of which not every photo could be sent."""
    try:
        yield
    except (SartiqError, OSError):
        lifecycle.cancel(user=user, batch_id=batch.pk)
        raise


def _step(batch: PhotoBatch) -> bool:
    """Run the next step that no worker holds; return whether there was one."""
    photos = PhotoFile.objects.filter(batch=batch)
    free = photos.to_attach().filter(due_and_unleased()).order_by("path")
    pk = free.values_list("pk", flat=True).first()
    if pk is not None:
        attach.attach(pk)
        return True
    ids = photos.awaiting_outcome().values_list("resource_id", flat=True)
    pending = MediaResource.objects.pending().filter(pk__in=list(ids), copied_from=None)
    pk = pending.filter(due_and_unleased()).values_list("pk", flat=True).first()
    if pk is not None:
        relocation.relocate(public_store(), pk)
    else:
        finish.update_outcomes(batch.pk)
        lifecycle.end_if_done(batch.pk)
    return pk is not None


def _user(email: str | None, organization_id: UUID | None) -> User:
    rows = User.objects.filter(is_active=True)
    if email:
        user: User | None = rows.filter(email__iexact=email).first()
    elif organization_id:
        owners = Membership.objects.active_owners().filter(organization_id=organization_id)
        user = rows.filter(memberships__in=owners).order_by("created_at").first()
    else:
        raise CommandError("Send --user or --organization, or both.", returncode=FAILED)
    if user is None:
        raise CommandError("There is no such active user. Send another --user.", returncode=FAILED)
    return user


def _photos(files: Sequence[LocalPhoto]) -> list[LocalPhoto]:
    photos = [file for file in files if file.content_type]
    if not photos:
        raise CommandError(NO_PHOTOS, returncode=FAILED)
    if len(photos) > MAX_PHOTOS:
        message = f"There are {len(photos):,} photos, and a batch has at most {MAX_PHOTOS:,}."
        raise CommandError(message, returncode=FAILED)
    _require_acceptable(photos)
    return photos


def _matches(
    scope: OwnerScope, template: str, photos: Sequence[LocalPhoto]
) -> tuple[Iterator[bytes], dict[str, int]]:
    """Return what each name means as a report, and the number of each outcome."""
    rows = []
    counts = {"matched": 0, "ambiguous": 0, "unmatched": 0}
    for photo, match in zip(
        photos, match_names(scope, template, [photo.path for photo in photos]), strict=True
    ):
        outcome = "unmatched"
        if match.candidates:
            outcome = "matched" if match.product else "ambiguous"
        counts[outcome] += 1
        skus = " or ".join(candidate.sku for candidate in match.candidates)
        rows.append((photo.path, skus, match.place.slot if match.place else "", outcome, ""))
    return report.lines(rows), counts


def _counts(batch: PhotoBatch) -> dict[str, int]:
    counts = selectors.progress_of_batches([batch], now=timezone.now())[batch.pk].counts
    return {status.lower(): counts.get(status, 0) for status in PhotoStatus.values}


def _as_text(counts: dict[str, int]) -> str:
    named = (f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    return f"Photos: {', '.join(named)}."


def _require_acceptable(photos: Sequence[LocalPhoto]) -> None:
    """Raise CommandError with the path of every photo that is not accepted."""
    try:
        batches.require_acceptable_photos([photo.declared() for photo in photos])
    except InvalidValuesError as error:
        sentences = [f"{photos[int(issue.loc[2])].path}: {issue.message}" for issue in error.issues]
        raise CommandError("\n".join(sentences), returncode=FAILED) from error
