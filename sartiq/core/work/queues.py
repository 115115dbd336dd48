"""The queues of the broker, and the routing of tasks to them.

A worker takes one message from each queue in turn, so thousands of messages in one queue do not
delay the others (docs/design/queues.md).
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
    "bulkupload.attach_photo": BULK,
    "bulkupload.finish_photos": BULK,
    "exports.convert": EXPORTS,
    "exports.assemble": EXPORTS,
}


def queue_of(task: str) -> str:
    """Return the queue of a task; periodic tasks belong to `maintenance`."""
    return _BY_TASK.get(task, MAINTENANCE)


def route(name: str, *_: object, **__: object) -> dict[str, str]:
    """Return Celery's route of a task."""
    return {"queue": queue_of(name)}
