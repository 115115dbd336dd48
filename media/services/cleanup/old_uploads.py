"""Deletion of the rows of uploads that were used or expired `UPLOAD_RETENTION_DAYS` ago.

The setting is in sartiq/settings/environment.py.
"""

from datetime import timedelta

from django.conf import settings

from media.models import Upload
from media.services.cleanup.grace import database_now
from sartiq.core.work import old_rows


def discard() -> int:
    """Delete uploads in a final state after `UPLOAD_RETENTION_DAYS`; return how many.

    Their objects are gone, and the resources they became stay.
    """
    before = database_now() - timedelta(days=settings.UPLOAD_RETENTION_DAYS)
    rows = Upload.objects.final().filter(created_at__lt=before)
    return old_rows.delete_in_batches(rows.order_by("state", "created_at"))
