"""Creation of exports, and download URLs of their archives.

How long such a URL is valid is `LINK_LIFETIME` (exports/rules/limits.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import OwnerScope, User
from exports import enqueue, selectors
from exports.actions import ExportAction
from exports.errors import ExportExpiredError, ExportFailedError, ExportNotFinishedError
from exports.models import ExportConfiguration, ExportItem, ExportRun, RunStatus
from exports.rules import names
from exports.rules.limits import LINK_LIFETIME
from exports.services import dispatch, naming
from exports.services.naming import ExportEntry, NamedEntry
from media.storage import private_store
from sartiq.core import events
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

MAX_TITLE_LENGTH = 255
INSERT_BATCH_SIZE = 1000


@contextmanager
def creating(
    *,
    user: User,
    scope: OwnerScope,
    title: str,
    configuration: ExportConfiguration,
    entries: Sequence[ExportEntry],
    now: datetime,
) -> Iterator[ExportRun]:
    """Save an export with the final name of each file, and enqueue its first files.

    The transaction commits when the block ends. Raises NothingToExportError and TooManyFilesError.
    """
    named_entries = naming.name_entries(entries, configuration=configuration, today=now.date())
    run = _snapshot(configuration, title=title)
    run.user_id, run.organization_id = user.pk, scope.organization_id
    run.total = len(named_entries)
    items = [_item(run, entry, now=now) for entry in named_entries]
    with transaction.atomic():
        run.save(force_insert=True)
        ExportItem.objects.bulk_create(items, batch_size=INSERT_BATCH_SIZE)
        for item in items[: dispatch.MAX_ENQUEUED]:
            enqueue.convert_item(item.pk)
        events.record(ExportAction.STARTED, run, files=run.total, image_format=run.image_format)
        yield run
        crash_point("export-saving")
    crash_point("export-saved")


def sign_download(*, user: User, run_id: UUID) -> str:
    """Return a short-lived URL of a run's archive.

    Raises ExportNotFinishedError, ExportFailedError and ExportExpiredError for a run without one.
    """
    run = selectors.run_visible_to(user, run_id)
    if not run.is_finished:
        raise ExportNotFinishedError
    if run.status == RunStatus.FAILED:
        raise ExportFailedError
    if run.status == RunStatus.EXPIRED:
        raise ExportExpiredError
    filename = names.file_name(run.title, extension="zip")
    return private_store().sign_get(run.archive_key, lifetime=LINK_LIFETIME, filename=filename)


def _item(run: ExportRun, entry: NamedEntry, *, now: datetime) -> ExportItem:
    """Return one file of a run; only the first files are enqueued when the run is saved."""
    return ExportItem(
        run=run,
        position=entry.position,
        resource_id=entry.resource.pk,
        name=entry.name,
        values=entry.stored_values,
        sent_at=now if entry.position <= dispatch.MAX_ENQUEUED else None,
    )


def _snapshot(configuration: ExportConfiguration, *, title: str) -> ExportRun:
    is_stored = not configuration._state.adding  # noqa: SLF001  Django's documented model state
    return ExportRun(
        id=new_id(),
        title=title[:MAX_TITLE_LENGTH],
        configuration_id=configuration.pk if is_stored else None,
        configuration_name=configuration.name,
        metadata_adapter=configuration.metadata_adapter,
        image_format=configuration.image_format,
        template=selectors.template_of(configuration).text,
    )
