"""Resources that are about to be relocated, and stores that fail."""

from accounts.models import User
from media.models import (
    MediaResource,
)
from media.storage.testing.memory import Hook, MemoryStore
from media.tests.factories import (
    ingest,
    upload_file,
)


def failing(operation: str, error: type[Exception], *, times: int = 10**6) -> Hook:
    """Return a hook that fails the first calls of one operation."""
    remaining = [times]

    def hook(called: str, key: str) -> None:
        if called == operation and remaining[0]:
            remaining[0] -= 1
            raise error

    return hook


def record_operations(memory: MemoryStore) -> list[str]:
    """Return the names of the operations the store does from now on."""
    operations: list[str] = []

    def record(operation: str, key: str) -> None:
        operations.append(operation)

    memory.before = record
    return operations


def pending_resource(memory: MemoryStore, user: User, body: bytes | None = None) -> MediaResource:
    (resource,) = ingest(user, [upload_file(memory, user, body)])
    return resource


def state_of(resource: MediaResource) -> dict[str, object]:
    return dict(MediaResource.objects.filter(pk=resource.pk).values().get())
