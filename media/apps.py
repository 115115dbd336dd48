from django.apps import AppConfig


class MediaConfig(AppConfig):
    """Stores one verified copy of each owner's file, and its attachments to entities."""

    name = "media"
    verbose_name = "Media"

    def ready(self) -> None:
        """Register the system checks."""
        from media import checks  # noqa: F401, PLC0415  registers the system checks
