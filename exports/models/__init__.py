from exports.models.configuration import ExportConfiguration, ImageFormat
from exports.models.visibility import MetadataAdapterVisibility

__all__ = ["ExportConfiguration", "ImageFormat", "MetadataAdapterVisibility"]
