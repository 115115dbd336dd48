from django.apps import AppConfig


class BulkUploadConfig(AppConfig):
    """Imports products from CSV, TSV and XLSX files."""

    name = "bulkupload"
    verbose_name = "Bulk upload"
