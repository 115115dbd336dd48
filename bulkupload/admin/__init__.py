from bulkupload.admin import jobs, photos, rows

__all__ = ["jobs", "photos", "rows"]
