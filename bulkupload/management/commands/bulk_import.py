import io
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
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

from accounts.models import OwnerScope, User
from accounts.selectors import scope_for
from bulkupload import selectors
from bulkupload.errors import BadMappingError
from bulkupload.management.output_file import output_file, require_two_files, write
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.rules.limits import MAX_FILE_BYTES, MIB
from bulkupload.rules.table.encodings import LABELS, codec_named
from bulkupload.rules.table.header import FieldMapping
from bulkupload.rules.table.mappings import read_mapping
from bulkupload.services import error_file, jobs, lifecycle
from bulkupload.services.images import attach, fetch_remote, finish
from bulkupload.services.jobs import UploadedTable
from bulkupload.services.rows import import_chunk, plan
from media.models import MediaResource
from media.services import relocation
from media.storage import public_store
from sartiq.core import temporary_files
from sartiq.core.errors import SartiqError
from sartiq.core.models import due_and_unleased

POLL_SECONDS = 0.2  # while workers hold all remaining work of the job
# Exit codes:
ROWS_REFUSED = 1  # rows or images were refused
FAILED = 3  # the file or a service failed, or the job was cancelled


class Command(BaseCommand):
    """Import a table through the services of the API, with workers or without."""

    help = (
        "Import products from CSV, TSV or XLSX. "
        "Exits with 0 if all rows were imported, 1 if some were refused, 3 if it failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file, its owner and the options."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="the user who imports")
        parser.add_argument(
            "--organization", type=UUID, metavar="ID", help="the owner of the products"
        )
        parser.add_argument("--mapping", default="{}", metavar="JSON")
        parser.add_argument(
            "--encoding", default="", metavar="NAME", help="text encoding of a CSV or TSV"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count the outcomes without importing"
        )
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="write the refused rows to this file"
        )
        parser.add_argument("--json", action="store_true", help="print the job as a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file and print the outcome."""
        require_two_files(options["file"], options["errors"], option="--errors", returncode=FAILED)
        try:
            with output_file(options["errors"]) as errors:
                job = self._start(options)
                try:
                    self._import(job)
                except KeyboardInterrupt:  # otherwise the workers would continue
                    lifecycle.cancel(job.pk)
                    job.refresh_from_db()
                progress = selectors.progress_of([job], now=timezone.now())[job.pk]
                if errors and (progress.failed or progress.media.failed):
                    write(options["errors"], errors, error_file.error_file(job))
        except (SartiqError, OSError) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        self.stdout.write(_as_json(job, progress) if options["json"] else _as_text(job, progress))
        _require_all_rows(job, progress)

    def _start(self, options: dict[str, Any]) -> BulkUploadJob:
        user = User.objects.filter(email__iexact=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(
                "There is no active user with this email address.", returncode=FAILED
            )
        mapping = _mapping_of(options["mapping"])
        scope: OwnerScope = scope_for(user, options["organization"])
        source: Path = options["file"]
        with source.open("rb") as opened, _rereadable(opened) as body:
            table = UploadedTable(
                body=body,
                size=body.seek(0, io.SEEK_END),
                filename=source.name,
                dry_run=options["dry_run"],
                mapping=mapping,
                encoding=_codec_of(options["encoding"]),
            )
            return jobs.start(user=user, scope=scope, table=table)

    def _import(self, job: BulkUploadJob) -> None:
        """Import the job's file: split it, import its chunks and attach its images."""
        console = Console(stderr=True)
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        with Progress(
            *columns, MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
        ) as bar:
            task = bar.add_task("Reading", total=None)
            while not job.is_finished:
                if not self._step(job):
                    time.sleep(POLL_SECONDS)
                job.refresh_from_db()
                progress = selectors.progress_of([job], now=timezone.now())[job.pk]
                if job.planned_at:
                    self._show(bar, task, progress)

    def _show(self, bar: Progress, task: TaskID, progress: selectors.Progress) -> None:
        """Update the bar: for the rows first, then for their images."""
        media = progress.media
        image_count = media.pending + media.ready + media.failed
        if progress.processed < progress.total or not image_count:
            bar.update(
                task,
                description="Importing",
                total=progress.total,
                completed=progress.processed,
            )
        else:
            completed = image_count - media.pending
            bar.update(task, description="Images", total=image_count, completed=completed)

    def _step(self, job: BulkUploadJob) -> bool:
        """Run the next step that no worker holds; return whether it completed."""
        if job.planned_at is None:
            plan.plan_chunks(job.pk)
            return BulkUploadJob.objects.filter(pk=job.pk, planned_at__isnull=False).exists()
        waiting = BulkUploadChunk.objects.unfinished().filter(job=job)
        free = waiting.filter(due_and_unleased()).order_by("number")
        pk = free.values_list("pk", flat=True).first()
        if pk is not None:
            import_chunk.import_rows(pk)
            return not waiting.filter(pk=pk).exists()
        return self._attach_images(job)

    def _attach_images(self, job: BulkUploadJob) -> bool:
        """Run the next step for images that no worker holds; return whether it completed."""
        batches = BulkUploadMediaBatch.objects.unfinished().filter(job=job)
        remotes = RemoteImage.objects.unfinished().filter(batches__in=batches)
        pk = remotes.filter(due_and_unleased()).values_list("pk", flat=True).first()
        if pk is not None:
            fetch_remote.fetch(pk)
            return not RemoteImage.objects.unfinished().filter(pk=pk).exists()
        ready = batches.exclude(remotes__status=RemoteStatus.WAITING).filter(due_and_unleased())
        pk = ready.values_list("pk", flat=True).first()
        if pk is not None:
            attach.attach(pk)
            return not batches.filter(pk=pk).exists()
        return self._relocate_file(job)

    def _relocate_file(self, job: BulkUploadJob) -> bool:
        """Relocate the next attached file of the job; return whether there was one."""
        attached = BulkUploadMedia.objects.filter(job=job, status=MediaStatus.ATTACHED)
        ids: list[str | None] = attached.values_list("resources", flat=True).first() or []
        waiting = MediaResource.objects.pending().filter(pk__in=[pk for pk in ids if pk])
        pk = waiting.filter(due_and_unleased()).values_list("pk", flat=True).first()
        if pk is not None:
            relocation.relocate(public_store(), pk)
        finish.finish_job(job.pk)
        return pk is not None


def _codec_of(label: str) -> str:
    codec = codec_named(label) if label else ""
    if codec is None:
        names = ", ".join(LABELS.values())
        raise CommandError(f"Supported encodings: {names}.", returncode=FAILED)
    return codec


def _mapping_of(text: str) -> FieldMapping:
    try:
        return read_mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"The mapping is not JSON: {error}", returncode=FAILED) from error
    except BadMappingError as error:
        raise CommandError(f"The mapping is invalid: {error.message}", returncode=FAILED) from error


@contextmanager
def _rereadable(source: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a file that can be read twice: a pipe is copied up to the maximum size."""
    if source.seekable():
        yield source
        return
    with temporary_files.nameless_file() as copy:
        blocks = iter(lambda: source.read(MIB), b"")
        copy.writelines(islice(blocks, MAX_FILE_BYTES // MIB + 1))
        yield copy


def _require_all_rows(job: BulkUploadJob, progress: selectors.Progress) -> None:
    """Raise a CommandError with the exit code if rows or images are missing."""
    if job.failure_code:
        raise CommandError(job.failure_message or job.failure_code, returncode=FAILED)
    if job.status == JobStatus.CANCELLED:
        raise CommandError(
            "The import was cancelled. Rows that were already imported stay.", returncode=FAILED
        )
    if progress.failed:
        raise CommandError(f"{progress.failed:,} rows were refused.", returncode=ROWS_REFUSED)
    if progress.media.failed:
        message = f"{progress.media.failed:,} images were refused."
        raise CommandError(message, returncode=ROWS_REFUSED)


def _as_json(job: BulkUploadJob, progress: selectors.Progress) -> str:
    fields = {"id": str(job.pk), "status": job.status.lower(), "dialect": job.dialect}
    return json.dumps(fields | asdict(progress))


def _as_text(job: BulkUploadJob, progress: selectors.Progress) -> str:
    would = "would be " if job.dry_run else ""
    return (
        f"{job.get_status_display()}: {progress.total:,} rows, {would}{progress.created:,} created,"
        f" {progress.updated:,} updated, {progress.unchanged:,} unchanged,"
        f" {progress.failed:,} refused.{_image_outcomes(progress.media)}"
    )


def _image_outcomes(media: selectors.MediaCounts) -> str:
    if not media.ready and not media.failed:
        return ""
    return f" Images: {media.ready:,} ready, {media.failed:,} refused."
