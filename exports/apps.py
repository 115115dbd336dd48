from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Exports images with each customer's names, formats and metadata files."""

    name = "exports"
    verbose_name = "Exports"
