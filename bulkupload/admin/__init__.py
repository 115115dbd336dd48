from bulkupload.admin import jobs, rows

__all__ = ["jobs", "rows"]
