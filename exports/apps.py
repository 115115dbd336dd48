from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Delivers images out under each customer's naming and format rules."""

    name = "exports"
    verbose_name = "Exports"
