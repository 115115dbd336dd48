"""Starting exports and running all their tasks in this process."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import OwnerScope, User
from exports.models import ExportConfiguration, ExportItem, ExportRun
from exports.rules.wildcards import Value
from exports.services import build_archive, convert_item, runs
from exports.services.naming import ExportEntry
from media.models import Attachment, MediaResource, ObjectDeletion, ResourceStatus, Upload
from media.services import deletions
from media.storage import ObjectStore, private_store
from media.tests.factories import drain, ingest, photo, upload_file


def ready_images(store: ObjectStore, user: User, count: int) -> list[MediaResource]:
    """Return different READY images, which were ingested together."""
    urls = [upload_file(store, user, photo(number)) for number in range(1, count + 1)]
    images = ingest(user, urls)
    drain(times=1)
    for image in images:
        image.refresh_from_db()
        assert image.status == ResourceStatus.READY
    return images


def entry(resource: MediaResource, **values: Value) -> ExportEntry:
    """Return an entry to export, with its values."""
    defaults: Mapping[str, Value] = {"brand": "Us", "product_sku": "S-1", "shot_type": "image"}
    return ExportEntry(resource=resource, values={**defaults, **values})


def start(user: User, *entries: ExportEntry, **values: Any) -> ExportRun:
    """Start an export of these files under a configuration with these values."""
    organization_id: UUID | None = values.pop("organization_id", None)
    configuration = values.pop("configuration", None) or ExportConfiguration(**values)
    with runs.creating(
        user=user,
        scope=OwnerScope(user_id=user.pk, organization_id=organization_id),
        title="Shoot 12",
        configuration=configuration,
        entries=entries,
        now=timezone.now(),
    ) as run:
        return run


def run_to_end(run: ExportRun, *, times: int = 2) -> ExportRun:
    """Convert all files and build the archive; every message is delivered `times` times."""
    for pk in item_ids(run):
        for _ in range(times):
            convert_item.produce(pk)
    for _ in range(times):
        build_archive.assemble(run.pk)
    run.refresh_from_db()
    return run


def finished_run(user: User, *entries: ExportEntry, **values: Any) -> ExportRun:
    """Start an export and run it to its end."""
    return run_to_end(start(user, *entries, **values))


def item_ids(run: ExportRun) -> list[UUID]:
    """Return the run's files in order."""
    rows = ExportItem.objects.filter(run=run).order_by("position")
    return list(rows.values_list("pk", flat=True))


def item_of(run: ExportRun, position: int = 1) -> ExportItem:
    """Return one file of the run as it is now."""
    item: ExportItem = ExportItem.objects.get(run=run, position=position)
    return item


def archive_of(run: ExportRun) -> bytes:
    """Return the bytes of the run's archive."""
    with private_store().open(run.archive_key) as chunks:
        return b"".join(chunks)


def files_of(run: ExportRun) -> dict[str, bytes]:
    """Return the files of the run's archive, in order."""
    with zipfile.ZipFile(io.BytesIO(archive_of(run))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def manifest_of(run: ExportRun) -> dict[str, Any]:
    """Return the archive's manifest."""
    body: dict[str, Any] = json.loads(files_of(run)["manifest.json"])
    return body


def stored_keys() -> list[str]:
    """Return the keys of all objects of exports."""
    return [stored.key for stored in private_store().list("exports/")]


def delete_due_objects() -> None:
    """Delete every object whose deletion is due."""
    due = Q(run_after__isnull=True) | Q(run_after__lte=Now())
    for pk in list(ObjectDeletion.objects.alive().filter(due).values_list("pk", flat=True)):
        deletions.perform(pk)


def discard(*resources: MediaResource) -> None:
    """Delete resources with their attachments and uploads."""
    ids = [resource.pk for resource in resources]
    Attachment.objects.filter(resource__in=ids).delete()
    Upload.objects.filter(resource__in=ids).delete()
    MediaResource.objects.filter(pk__in=ids).delete()


def clear_delays() -> None:
    """End all delays and leases."""
    no_delay: dict[str, Any] = {"run_after": None, "lease_expires_at": None}
    ExportItem.objects.update(**no_delay)
    ExportRun.objects.update(**no_delay)
