from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps


class CoreConfig(AppConfig):
    """Shared foundations: errors, leases, idempotency and API conventions."""

    name = "sartiq.core"
    default = True
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Register checks, a lookup and the tasks as causes of events, and configure logging."""
        from sartiq.core import checks, logs  # noqa: F401, PLC0415  importing registers the checks
        from sartiq.core.events import causes  # noqa: PLC0415  it imports models
        from sartiq.core.postgresql import lookups  # noqa: PLC0415  like the line above

        lookups.register()
        causes.follow_tasks()
        logs.configure(settings.LOG_LEVEL)


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the product's site."""

    default = False
    default_site = "sartiq.core.admin_site.StaffSite"
