"""The actions of events about imports."""

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


ACTION_OF_FINAL_STATUS: Final = {
    JobStatus.COMPLETED: ImportAction.FINISHED,
    JobStatus.COMPLETED_WITH_ERRORS: ImportAction.FINISHED,
    JobStatus.FAILED: ImportAction.FAILED,
    JobStatus.CANCELLED: ImportAction.CANCELLED,
}
