from exports.models.configuration import ExportConfiguration, ImageFormat
from exports.models.item import ExportItem
from exports.models.run import ExportRun
from exports.models.statuses import DOWNLOADABLE, UNFINISHED, ItemStatus, RunStatus
from exports.models.visibility import MetadataAdapterVisibility

__all__ = [
    "DOWNLOADABLE",
    "UNFINISHED",
    "ExportConfiguration",
    "ExportItem",
    "ExportRun",
    "ImageFormat",
    "ItemStatus",
    "MetadataAdapterVisibility",
    "RunStatus",
]
