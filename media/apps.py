from django.apps import AppConfig


class MediaConfig(AppConfig):
    """Keeps exactly one good copy of every file and knows what it is attached to."""

    name = "media"
    verbose_name = "Media"

    def ready(self) -> None:
        """Register the system checks."""
        from media import checks  # noqa: F401, PLC0415  registers the system checks
