"""Uploads, resources and stores of any age, for the tests of the cleanups."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model
from django.utils import timezone

from accounts.models import OwnerScope, User
from media.models import (
    Attachment,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
)
from media.rules import keys
from media.services import attachments, deletions
from media.services.cleanup import orphaned_media
from media.services.cleanup.report import CleanupReport
from media.services.ingest.claim import ResourcesByUrl
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import ObjectHeaders, ObjectStore, factory
from media.storage.s3.store import S3Store
from media.storage.testing.memory import MemoryStore
from media.tests.stores import adopt_buckets, stores_with_environment_markers
from sartiq.core.models import new_id

PNG = "image/png"
OLD = timedelta(hours=25)
DATA = b"an object nobody looks into"


class AheadMemoryStore(MemoryStore):
    """An in-memory store whose clock is ahead, so that its objects are old."""

    ahead = timedelta()

    def clock(self) -> datetime:
        """Return the later time."""
        return super().clock() + self.ahead


class AheadS3Store(S3Store):
    """A bucket whose clock is ahead, so that its objects are old."""

    ahead = timedelta()

    def clock(self) -> datetime:
        """Return the later time."""
        now = super().clock()
        assert now is not None
        return now + self.ahead


AheadStore = AheadMemoryStore | AheadS3Store


@contextmanager
def in_memory() -> Iterator[AheadMemoryStore]:
    """Install in-memory stores; yield the public one."""
    store = AheadMemoryStore()
    with stores_with_environment_markers(store, MemoryStore()):
        yield store


@contextmanager
def on_s3() -> Iterator[AheadS3Store]:
    """Install the public bucket of the settings, created for this test."""
    adopt_buckets()
    store = AheadS3Store(factory.s3_connection(), settings.R2_BUCKET_NAME)
    with factory.replaced(public=store):
        yield store
    store.close()


def new_user() -> User:
    """Create a user."""
    return User.objects.create_user(email=f"{new_id()}@example.com", password=None)


def put_object(store: ObjectStore, key: str, body: bytes = DATA) -> str:
    """Put an object and return its key."""
    store.put(key, body, headers=ObjectHeaders(content_type=PNG))
    return key


def new_temp_key() -> str:
    """Return a temporary key without an upload."""
    return keys.temp_key(
        file_id=new_id(), at=datetime.now(UTC), filename="shoe.png", content_type=PNG
    )


def upload(user: User, *, age: timedelta = OLD, **values: Any) -> Upload:
    """Create an upload of this age."""
    created_at = timezone.now() - age
    row: Upload = Upload.objects.create(
        **{
            "user": user,
            "key": new_temp_key(),
            "filename": "shoe.png",
            "content_type": PNG,
            "expires_at": created_at + timedelta(minutes=15),
        }
        | values
    )
    return aged(row, created_at=created_at)


def resource(user: User, **values: Any) -> MediaResource:
    """Create a READY resource that has been unattached for a day; its bytes are not stored."""
    pk = new_id()
    row: MediaResource = MediaResource.objects.create(
        **{
            "id": pk,
            "user": user,
            "resource_type": "IMAGE",
            "storage_key": keys.canonical_key(pk, "png"),
            "content_hash": f"{pk.int:064x}",
            "etag": "e",
            "content_type": PNG,
            "extension": "png",
            "file_size": len(DATA),
            "status": ResourceStatus.READY,
            "unattached_at": timezone.now() - OLD,
        }
        | values
    )
    return row


def aged(row: Upload, **instants: datetime) -> Upload:
    """Set timestamps that Django sets itself."""
    Upload.objects.filter(pk=row.pk).update(**instants)
    row.refresh_from_db()
    return row


def ingest(
    user: User,
    store: ObjectStore,
    url: str,
    *,
    organization_id: UUID | None = None,
    meanwhile: Callable[[], object] = object,
) -> UUID:
    """Ingest one file and attach it to a new entity; return the id of its resource.

    `meanwhile` runs inside the open transaction.
    """

    def attach(resources: ResourcesByUrl) -> UUID:
        meanwhile()
        slots = {"cover_image": [resources[url]]}
        attachments.fill_slots(
            entity_type="PRODUCT", entity_id=new_id(), slots=slots, list_slots=[]
        )
        return resources[url].pk

    return MediaResourceService(store).ingest_all(
        user=user,
        scope=OwnerScope(user_id=user.pk, organization_id=organization_id),
        files=[FileReference(loc=("body", "cover_image"), url=url)],
        attach=attach,
    )


def all_rows() -> list[list[Any]]:
    """Return every row a cleanup could change."""
    models: tuple[type[Model], ...] = (Upload, MediaResource, Attachment, ObjectDeletion)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def discard_orphans(**how: int | bool) -> CleanupReport:
    return orphaned_media.discard(**({"execute": True} | how))  # type: ignore[arg-type]  # shorthand


def queued_deletions() -> set[tuple[str, str]]:
    return set(ObjectDeletion.objects.values_list("key", "reason"))


def delete_queued() -> None:
    """Delete what is queued, as if the hour between the two passes were over."""
    ObjectDeletion.objects.update(run_after=None)
    for pk in ObjectDeletion.objects.values_list("pk", flat=True):
        deletions.perform(pk)


def temp_keys(store: AheadStore) -> list[str]:
    return [listing.key for listing in store.list("temp/")]
