from django.apps import AppConfig


class CoreConfig(AppConfig):
    """What every app builds on: errors, leases, idempotency, the wire's conventions."""

    name = "sartiq.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Register the system checks."""
        from sartiq.core import checks  # noqa: F401, PLC0415  registers the system checks
