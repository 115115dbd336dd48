"""Rows for the tests of admin pages."""

from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

from accounts.models import User
from media.models import (
    Attachment,
    MediaResource,
    ObjectDeletion,
    ReconcileReport,
    ReconcileState,
    ResourceStatus,
    ResourceType,
    UnknownObject,
    Upload,
)
from media.rules import keys
from sartiq.core.models import new_id

_numbers = count()
LATER = datetime(2030, 1, 1, tzinfo=UTC)
EARLIER = datetime(2026, 1, 2, tzinfo=UTC)


def resource(user: User, **values: Any) -> MediaResource:
    pk = new_id()
    fields = {
        "id": pk,
        "resource_type": ResourceType.IMAGE,
        "storage_key": keys.canonical_key(pk, "png"),
        "content_hash": sha256(str(next(_numbers)).encode()).hexdigest(),
        "etag": "e",
        "content_type": "image/png",
        "extension": "png",
        "file_size": 2_000_000,
        "width": 600,
        "height": 400,
        "status": ResourceStatus.READY,
        "has_thumbnail": True,
        "unattached_at": datetime(2020, 1, 1, tzinfo=UTC),
    }
    return MediaResource.objects.create(user=user, **fields | values)


def upload(user: User, **values: Any) -> Upload:
    fields = {
        "key": f"temp/{new_id()}_1767323045_shoe.png",
        "filename": "shoe.png",
        "content_type": "image/png",
        "expires_at": LATER,
    }
    return Upload.objects.create(user=user, **fields | values)


def attachment(resource: MediaResource, entity: Any, **values: Any) -> Attachment:
    fields = {"entity_type": entity.entity_type, "entity_id": entity.pk, "slot": "cover_image"}
    return Attachment.objects.create(resource=resource, **fields | values)


def deletion(**values: Any) -> ObjectDeletion:
    fields = {"key": f"media/{new_id()}/file.png", "reason": "ORPHANED"}
    return ObjectDeletion.objects.create(**fields | values)


def reconcile_report(**values: Any) -> ReconcileReport:
    fields = {"state": ReconcileState.COMPLETED, "started_at": EARLIER, "finished_at": EARLIER}
    return ReconcileReport.objects.create(**fields | values)


def unknown_object(report: ReconcileReport, **values: Any) -> UnknownObject:
    fields = {
        "key": f"media/{new_id()}/file.png",
        "etag": "e",
        "size": 2_000_000,
        "last_modified": EARLIER,
        "recorded_at": EARLIER,
        "seen_at": EARLIER,
    }
    return UnknownObject.objects.create(report=report, **fields | values)
