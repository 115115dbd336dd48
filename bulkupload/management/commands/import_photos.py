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
        try:
            user = _user(options["user"], options["organization"])
            scope = scope_for(user, options["organization"])
            if options["template"]:
                require_readable(options["template"])
            with local_files(options["source"]) as files:
                photos = _photos(files)
                if options["dry_run"]:
                    lines, counts = _matches(scope, options["template"], photos)
                    is_complete = counts["matched"] == len(photos)
                    failure = ""
                else:
                    batch = self._import(user, scope, options, photos)
                    lines, counts = report.report(batch), _counts(batch)
                    is_complete = counts["ready"] == len(photos)
                    failure = "cancelled" if batch.status == PhotoBatchStatus.CANCELLED else ""
            if options["report"]:
                options["report"].write_bytes(b"".join(lines))
        except (SartiqError, OSError) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        counts["other_files"] = len(files) - len(photos)
        self.stdout.write(json.dumps(counts) if options["json"] else _as_text(counts))
        if failure:
            message = "The import was cancelled. Photos that were already attached stay."
            raise CommandError(message, returncode=FAILED)
        if not is_complete:
            message = "Not every photo was attached. --report FILE says why."
            raise CommandError(message, returncode=NOT_ALL_ATTACHED)

    def _import(
        self, user: User, scope: OwnerScope, options: dict[str, Any], photos: Sequence[LocalPhoto]
    ) -> PhotoBatch:
        console = Console(stderr=True)
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        with Progress(
            *columns, MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
        ) as bar:
            task = bar.add_task("Uploading", total=len(photos))
            batch = _send(user, scope, options, photos, lambda: bar.advance(task))
            try:
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


def _send(
    user: User,
    scope: OwnerScope,
    options: dict[str, Any],
    photos: Sequence[LocalPhoto],
    on_upload: Callable[[], None],
) -> PhotoBatch:
    """Create the batch, upload its photos and report them, some hundred at a time."""
    settings = BatchSettings(
        name=options["source"].name[:255],
        template=options["template"],
        on_existing=OnExisting.REPLACE if options["replace"] else OnExisting.APPEND,
    )
    files = {photo.path: photo for photo in photos}
    batch: PhotoBatch | None = None
    for at in range(0, len(photos), MAX_REQUEST_PHOTOS):
        declared = [photo.declared() for photo in photos[at : at + MAX_REQUEST_PHOTOS]]
        now = timezone.now()
        with _named(declared):
            if batch is None:
                with batches.creating(
                    user=user, scope=scope, settings=settings, photos=declared, now=now
                ) as created:
                    batch, matched = created
            else:
                matched = batches.add(user=user, batch_id=batch.pk, photos=declared, now=now)
        upload(public_store(), matched, files, on_upload=on_upload)
        _report(user, batch, matched)
    if batch is None:
        raise CommandError(NO_PHOTOS, returncode=FAILED)
    return batch


def _report(user: User, batch: PhotoBatch, matched: Sequence[MatchedPhoto]) -> None:
    ids = [row.photo.pk for row in matched if row.ticket]
    if ids:
        tickets.report_uploaded(user=user, batch_id=batch.pk, photo_ids=ids, now=timezone.now())


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


@contextmanager
def _named(photos: Sequence[DeclaredPhoto]) -> Iterator[None]:
    """Name the photos that are refused: an issue has only their index."""
    try:
        yield
    except InvalidValuesError as error:
        sentences = [f"{photos[int(issue.loc[2])].path}: {issue.message}" for issue in error.issues]
        raise CommandError("\n".join(sentences), returncode=FAILED) from error
