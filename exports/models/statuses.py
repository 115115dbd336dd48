from django.db import models


class ItemStatus(models.TextChoices):
    """Progress of one file of an export."""

    WAITING = "WAITING", "Waiting"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class RunStatus(models.TextChoices):
    """Status of an export: QUEUED, RUNNING, then a final one; a completed one expires."""

    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    COMPLETED = "COMPLETED", "Completed"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS", "Completed with errors"
    FAILED = "FAILED", "Failed"
    EXPIRED = "EXPIRED", "Expired"


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)
DOWNLOADABLE = (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS)
