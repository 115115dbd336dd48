"""The queues of the broker: the routing of tasks, and the length of a queue.

A worker takes one message of each queue in turn, so that thousands of messages of one kind keep no
other kind waiting (docs/design/queues.md).
"""

from typing import Final

from kombu import Queue

MEDIA: Final = "media"
DELETIONS: Final = "deletions"
BULK: Final = "bulk"
EXPORTS: Final = "exports"
MAINTENANCE: Final = "maintenance"

QUEUES: Final = tuple(Queue(name) for name in (MEDIA, DELETIONS, BULK, EXPORTS, MAINTENANCE))

_BY_TASK: Final = {
    "media.relocate": MEDIA,
    "media.delete_objects": DELETIONS,
    "bulkupload.plan": BULK,
    "bulkupload.import_chunk": BULK,
    "bulkupload.attach_media": BULK,
    "bulkupload.fetch_image": BULK,
    "bulkupload.settle_media": BULK,
    "exports.convert": EXPORTS,
    "exports.assemble": EXPORTS,
}


def queue_of(task: str) -> str:
    """Return the queue a task waits in: what beat sends is maintenance."""
    return _BY_TASK.get(task, MAINTENANCE)


def route(name: str, *_: object, **__: object) -> dict[str, str]:
    """Return Celery's route of a task."""
    return {"queue": queue_of(name)}
