"""The actions of events about imports and photo batches."""

from typing import Final

from django.db.models import TextChoices

from bulkupload.models import JobStatus
from sartiq.core import events


@events.register
class ImportAction(TextChoices):
    """What happens to an import; its products have no events of their own."""

    STARTED = "import.started", "Import started"
    RETRIED = "import.retried", "Import retried by a new one"
    FINISHED = "import.finished", "Import finished"
    FAILED = "import.failed", "Import failed"
    CANCELLED = "import.cancelled", "Import cancelled"


@events.register
class PhotoBatchAction(TextChoices):
    """What happens to a photo batch; its products have no events of their own."""

    CREATED = "photo_batch.created", "Photo batch created"
    STARTED = "photo_batch.started", "Photo batch started"
    RETRIED = "photo_batch.retried", "Photo batch retried"
    FINISHED = "photo_batch.finished", "Photo batch finished"
    CANCELLED = "photo_batch.cancelled", "Photo batch cancelled"


@events.register
class SlotWordAction(TextChoices):
    """What staff do with the slot words of organizations."""

    CREATED = "slot_word.created", "Slot word created"
    UPDATED = "slot_word.updated", "Slot word changed"
    DELETED = "slot_word.deleted", "Slot word deleted"


ACTION_OF_FINAL_STATUS: Final = {
    JobStatus.COMPLETED: ImportAction.FINISHED,
    JobStatus.COMPLETED_WITH_ERRORS: ImportAction.FINISHED,
    JobStatus.FAILED: ImportAction.FAILED,
    JobStatus.CANCELLED: ImportAction.CANCELLED,
}
