from bulkupload.admin import jobs, read_only

__all__ = ["jobs", "read_only"]
