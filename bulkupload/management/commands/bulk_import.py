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
from bulkupload.rules.table.header import Mapped
from bulkupload.rules.table.mappings import read_mapping
from bulkupload.services import error_file, jobs, lifecycle
from bulkupload.services.images import attach, fetch_remote, finish
from bulkupload.services.jobs import Table
from bulkupload.services.rows import import_chunk, plan
from media.models import MediaResource
from media.services import relocation
from media.storage import public_store
from sartiq.core import temporary_files
from sartiq.core.errors import SartiqError
from sartiq.core.models import free_to_take

POLL_SECONDS = 0.2  # seconds until a job whose chunks all have workers is looked at again
REFUSED = 1  # exit codes: rows were refused,
FAULT = 3  # or the file or a service failed, or somebody cancelled the job


class Command(BaseCommand):
    """Import a table through the services the API uses, together with the workers or without."""

    help = (
        "Import products from CSV, TSV or XLSX. "
        "Exit 0: all rows; 1: some refused; 3: failed or cancelled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which file, for whom, and how."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="who imports")
        parser.add_argument("--organization", type=UUID, metavar="ID", help="whose products")
        parser.add_argument("--mapping", default="{}", metavar="JSON")
        parser.add_argument("--encoding", default="", metavar="NAME", help="of a CSV or TSV")
        parser.add_argument("--dry-run", action="store_true", help="count what would happen")
        parser.add_argument("--errors", type=Path, metavar="FILE", help="write refused rows here")
        parser.add_argument("--json", action="store_true", help="print the job as one object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file and say what became of it."""
        _require_two_files(options["file"], options["errors"])
        try:
            with _kept_if_written(options["errors"]) as errors:
                job = self._start(options)
                try:
                    self._work_off(job)
                except KeyboardInterrupt:  # the workers would go on with it
                    lifecycle.cancel(job.pk)
                    job.refresh_from_db()
                progress = selectors.progress_of([job], now=timezone.now())[job.pk]
                if errors and (progress.failed or progress.media.failed):
                    if options["errors"].is_file():  # a pipe cannot be cut
                        errors.truncate(0)
                    errors.writelines(error_file.error_file(job))
        except (SartiqError, OSError) as error:
            raise CommandError(str(error), returncode=FAULT) from error
        self.stdout.write(_as_json(job, progress) if options["json"] else _told(job, progress))
        _require_all_rows(job, progress)

    def _start(self, options: dict[str, Any]) -> BulkUploadJob:
        user = User.objects.filter(email__iexact=options["user"], is_active=True).first()
        if user is None:
            raise CommandError("No such user.", returncode=FAULT)
        mapping = _mapping_of(options["mapping"])
        scope: OwnerScope = scope_for(user, options["organization"])
        source: Path = options["file"]
        with source.open("rb") as opened, _read_again(opened) as body:
            table = Table(
                body=body,
                size=body.seek(0, io.SEEK_END),
                filename=source.name,
                dry_run=options["dry_run"],
                mapping=mapping,
                encoding=_codec_of(options["encoding"]),
            )
            return jobs.start(user=user, scope=scope, table=table)

    def _work_off(self, job: BulkUploadJob) -> None:
        """Plan the job and import its chunks, those the workers do not take first."""
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
        """Move the bar: over the rows first, over their pictures then."""
        media = progress.media
        pictures = media.pending + media.ready + media.failed
        if progress.processed < progress.total or not pictures:
            done = ("Importing", progress.total, progress.processed)
        else:
            done = ("Pictures", pictures, pictures - media.pending)
        bar.update(task, description=done[0], total=done[1], completed=done[2])

    def _step(self, job: BulkUploadJob) -> bool:
        """Do the next piece of work nobody does; tell whether there was one."""
        if job.planned_at is None:
            plan.plan(job.pk)
            return BulkUploadJob.objects.filter(pk=job.pk, planned_at__isnull=False).exists()
        waiting = BulkUploadChunk.objects.unfinished().filter(job=job)
        free = waiting.filter(free_to_take()).order_by("number")
        pk = free.values_list("pk", flat=True).first()
        if pk is not None:
            import_chunk.import_rows(pk)
            return not waiting.filter(pk=pk).exists()
        return self._picture(job)

    def _picture(self, job: BulkUploadJob) -> bool:
        """Do the next piece of work on pictures; tell whether there was one."""
        batches = BulkUploadMediaBatch.objects.unfinished().filter(job=job)
        remotes = RemoteImage.objects.unfinished().filter(batches__in=batches)
        pk = remotes.filter(free_to_take()).values_list("pk", flat=True).first()
        if pk is not None:
            fetch_remote.fetch(pk)
            return not RemoteImage.objects.unfinished().filter(pk=pk).exists()
        ready = batches.exclude(remotes__status=RemoteStatus.WAITING).filter(free_to_take())
        pk = ready.values_list("pk", flat=True).first()
        if pk is not None:
            attach.attach(pk)
            return not batches.filter(pk=pk).exists()
        return self._file(job)

    def _file(self, job: BulkUploadJob) -> bool:
        """Bring the next file the job shows to its place; tell whether there was one."""
        shown = BulkUploadMedia.objects.filter(job=job, status=MediaStatus.SHOWN)
        ids: list[str | None] = shown.values_list("resources", flat=True).first() or []
        waiting = MediaResource.objects.pending().filter(pk__in=[each for each in ids if each])
        pk = waiting.filter(free_to_take()).values_list("pk", flat=True).first()
        if pk is not None:
            relocation.relocate(public_store(), pk)
        finish.settle_job(job.pk)
        return pk is not None


def _codec_of(label: str) -> str:
    codec = codec_named(label) if label else ""
    if codec is None:
        raise CommandError(f"Encodings are: {', '.join(LABELS.values())}.")
    return codec


def _mapping_of(text: str) -> Mapped:
    try:
        return read_mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"The mapping is no JSON: {error}", returncode=FAULT) from error
    except BadMappingError as fault:
        raise CommandError(f"The mapping: {fault.message}", returncode=FAULT) from fault


def _require_two_files(source: Path, errors: Path | None) -> None:
    """Refuse to write the refused rows over all of them."""
    try:
        is_same = errors is not None and errors.samefile(source)
    except OSError:  # one of them is not there
        return
    if is_same:
        raise CommandError("--errors names FILE itself; give another one.", returncode=FAULT)


@contextmanager
def _read_again(source: BinaryIO) -> Iterator[BinaryIO]:
    """Give a file that can be read twice: what a pipe brings is kept, no more than we take."""
    if source.seekable():
        yield source
        return
    with temporary_files.nameless_file() as kept:
        pieces = iter(lambda: source.read(MIB), b"")
        kept.writelines(islice(pieces, MAX_FILE_BYTES // MIB + 1))
        yield kept


@contextmanager
def _kept_if_written(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open the errors file before anything is imported; what was there stays until it is written.

    Told after the import, a path that cannot be written would cost the errors of its rows.
    """
    if path is None:
        yield None
        return
    existed = path.exists()
    with path.open("ab") as target:
        try:
            yield target
        finally:
            if not existed and not target.tell():
                path.unlink(missing_ok=True)


def _require_all_rows(job: BulkUploadJob, progress: selectors.Progress) -> None:
    """Raise the CommandError whose exit code says what is missing."""
    if job.failure_code:
        raise CommandError(job.failure_message or job.failure_code, returncode=FAULT)
    if job.status == JobStatus.CANCELLED:
        raise CommandError("The import was cancelled; what it did stays.", returncode=FAULT)
    if progress.failed:
        raise CommandError(f"{progress.failed:,} rows were refused.", returncode=REFUSED)
    if progress.media.failed:
        message = f"{progress.media.failed:,} images were refused."
        raise CommandError(message, returncode=REFUSED)


def _as_json(job: BulkUploadJob, progress: selectors.Progress) -> str:
    told = {"id": str(job.pk), "status": job.status.lower(), "dialect": job.dialect}
    return json.dumps(told | asdict(progress))


def _told(job: BulkUploadJob, progress: selectors.Progress) -> str:
    would = "would be " if job.dry_run else ""
    return (
        f"{job.get_status_display()}: {progress.total:,} rows, {would}{progress.created:,} created,"
        f" {progress.updated:,} updated, {progress.unchanged:,} unchanged,"
        f" {progress.failed:,} refused.{_pictures(progress.media)}"
    )


def _pictures(media: selectors.MediaCounts) -> str:
    if not media.ready and not media.failed:
        return ""
    return f" Images: {media.ready:,} ready, {media.failed:,} refused."
