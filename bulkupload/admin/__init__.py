from bulkupload.admin import facts, jobs

__all__ = ["facts", "jobs"]
