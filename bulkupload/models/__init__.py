from bulkupload.models.chunk import (
    TABLE_ROW,
    BulkUploadChunk,
    BulkUploadRowError,
    ChunkStatus,
    ErrorSeverity,
)
from bulkupload.models.job import BulkUploadJob, JobStatus
from bulkupload.models.media import (
    BatchStatus,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    MediaStatus,
    RemoteImage,
    RemoteStatus,
)

__all__ = [
    "TABLE_ROW",
    "BatchStatus",
    "BulkUploadChunk",
    "BulkUploadJob",
    "BulkUploadMedia",
    "BulkUploadMediaBatch",
    "BulkUploadRowError",
    "ChunkStatus",
    "ErrorSeverity",
    "JobStatus",
    "MediaStatus",
    "RemoteImage",
    "RemoteStatus",
]
