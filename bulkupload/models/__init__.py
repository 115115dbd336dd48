from bulkupload.models.chunk import BulkUploadChunk, BulkUploadRowError, ChunkStatus
from bulkupload.models.job import BulkUploadJob, JobStatus

__all__ = [
    "BulkUploadChunk",
    "BulkUploadJob",
    "BulkUploadRowError",
    "ChunkStatus",
    "JobStatus",
]
