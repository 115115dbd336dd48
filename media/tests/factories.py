"""Factories for the tests of media: photos, uploads, resources and workers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from PIL import Image

from accounts.models import OwnerScope, User
from accounts.selectors import scope_for
from media.models import Attachment, MediaResource, ObjectDeletion, ResourceStatus, Upload
from media.rules import keys
from media.services import attachments, deletions, relocation, uploads
from media.services.ingest.claim import ResourcesByUrl
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.services.uploads import DeclaredFile, UploadTicket
from media.storage import ObjectStore, SignedPut, public_store
from media.storage.local.store import LocalStore
from media.storage.testing.memory import MemoryStore
from media.tests.rules.file_types.specimens import encoded
from media.tests.storage.client import send
from sartiq.core.models import new_id

PNG = "image/png"
NAMES = {
    PNG: "shoe.png",
    "image/jpeg": "shoe.jpg",
    "image/gif": "shoe.gif",
    "image/webp": "shoe.webp",
    "image/avif": "shoe.avif",
    "application/zip": "looks.zip",
    "application/pdf": "brief.pdf",
    "video/mp4": "walk.mp4",
    "audio/mpeg": "brief.mp3",
}


def photo(number: int = 1, *, size: tuple[int, int] = (12, 8), **options: Any) -> bytes:
    """Return a small PNG; each number gives another image."""
    colour = (number * 53 % 256, number * 101 % 256, number % 256)
    return encoded(Image.new("RGB", size, colour), PNG, **options)


def ticket(user: User, *, content_type: str = PNG, **values: Any) -> UploadTicket:
    """Return a new upload URL."""
    values.setdefault("filename", NAMES[content_type])
    organization_id = values.pop("organization_id", None)
    file = DeclaredFile(content_type=content_type, **values)
    return uploads.issue_ticket(
        user=user, file=file, now=timezone.now(), organization_id=organization_id
    )


def client_put(store: ObjectStore, signed: SignedPut, body: bytes) -> int:
    """Send the bytes as a client does, and return the status of the response."""
    if isinstance(store, MemoryStore):
        return store.client_put(signed, body)
    if isinstance(store, LocalStore):
        headers = {name.lower(): value for name, value in signed.headers.items()}
        store.receive(str(signed.token), headers | {"content-length": str(len(body))}, [body])
        return 200
    return send("PUT", signed.url, body, signed.headers)[0]


def upload_file(store: ObjectStore, user: User, body: bytes | None = None, **values: Any) -> str:
    """Upload a file and return its URL."""
    new_ticket = ticket(user, **values)
    assert client_put(store, new_ticket.put, photo() if body is None else body) == 200
    return new_ticket.file_url


def key_of(url: str) -> str:
    """Return the key in a file URL."""
    return url.removeprefix(f"{settings.CDN_URL}/")


def upload_of(url: str) -> Upload:
    """Return the row of an upload by its URL."""
    row: Upload = Upload.objects.get(key=key_of(url))
    return row


def ingest(
    user: User,
    urls: Sequence[str],
    *,
    organization_id: UUID | None = None,
    entity_id: UUID | None = None,
) -> list[MediaResource]:
    """Ingest files and attach them to the images of an entity, by default of a new one."""
    scope = scope_for(user, organization_id)
    return ingest_into(scope, user, urls, entity_id=entity_id or new_id())


def ingest_into(
    scope: OwnerScope, user: User, urls: Sequence[str], *, entity_id: UUID
) -> list[MediaResource]:
    """Ingest files into a scope and attach them to the images of an entity."""

    def attach(resources: ResourcesByUrl) -> list[MediaResource]:
        slots = {"images": [resources[url] for url in urls]}
        attachments.fill_slots(
            entity_type="PRODUCT", entity_id=entity_id, slots=slots, list_slots=["images"]
        )
        return slots["images"]

    files = [
        FileReference(loc=("body", "images", index), url=url) for index, url in enumerate(urls)
    ]
    return MediaResourceService(public_store()).ingest_all(
        user=user, scope=scope, files=files, attach=attach
    )


def deliver(resource: MediaResource, *, times: int = 2) -> MediaResource:
    """Deliver the relocation task of a resource several times, and return the row."""
    MediaResource.objects.filter(pk=resource.pk).update(run_after=None)
    for _ in range(times):
        relocation.relocate(public_store(), resource.pk)
    return MediaResource.objects.get(pk=resource.pk)


def drain(*, times: int = 2) -> None:
    """Do all due work, delivering every message several times."""
    for pk in list(MediaResource.objects.pending().values_list("pk", flat=True)):
        for _ in range(times):
            relocation.relocate(public_store(), pk)
    due = Q(run_after__isnull=True) | Q(run_after__lte=Now())
    for pk in list(ObjectDeletion.objects.alive().filter(due).values_list("pk", flat=True)):
        for _ in range(times):
            deletions.perform(pk)


def ready_resource(
    store: ObjectStore, user: User, body: bytes | None = None, **values: Any
) -> MediaResource:
    """Return a READY resource whose temporary object has been deleted."""
    (resource,) = ingest(user, [upload_file(store, user, body, **values)])
    drain(times=1)
    resource.refresh_from_db()
    assert resource.status == ResourceStatus.READY, resource.failure_code
    return resource


def counts() -> dict[str, int]:
    """Return how many rows of each kind there are."""
    models = (Upload, MediaResource, Attachment, ObjectDeletion)
    return {model.__name__: model._default_manager.count() for model in models}


def originals(memory: MemoryStore) -> list[str]:
    """Return the keys in a store, except thumbnails."""
    stored_keys = memory.keys()
    return [key for key in stored_keys if keys.classify(key) is not keys.KeyKind.THUMBNAIL]
