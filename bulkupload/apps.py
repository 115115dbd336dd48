from django.apps import AppConfig


class BulkUploadConfig(AppConfig):
    """Imports whole catalogues from CSV."""

    name = "bulkupload"
    verbose_name = "Bulk upload"
