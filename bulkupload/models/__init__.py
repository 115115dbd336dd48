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
from bulkupload.models.photos import (
    OnExisting,
    PhotoBatch,
    PhotoBatchStatus,
    PhotoFile,
    PhotoStatus,
    SlotWord,
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
    "OnExisting",
    "PhotoBatch",
    "PhotoBatchStatus",
    "PhotoFile",
    "PhotoStatus",
    "RemoteImage",
    "RemoteStatus",
    "SlotWord",
]
