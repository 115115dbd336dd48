"""The actions of events about exports and their configurations."""

from django.db.models import TextChoices

from sartiq.core import events


@events.register
class ExportAction(TextChoices):
    """What happens to export configurations, metadata adapters and exports."""

    CONFIGURATION_CREATED = "export_configuration.created", "Export configuration created"
    CONFIGURATION_UPDATED = "export_configuration.updated", "Export configuration updated"
    CONFIGURATION_DELETED = "export_configuration.deleted", "Export configuration deleted"
    VISIBILITY_CHANGED = "metadata_adapter.visibility_changed", "Adapter's visibility changed"
    STARTED = "export.started", "Export started"
    FINISHED = "export.finished", "Export finished"
    FAILED = "export.failed", "Export failed"
    EXPIRED = "export.expired", "Export expired"
