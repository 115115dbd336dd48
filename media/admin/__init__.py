from media.admin.deletions import ObjectDeletionAdmin
from media.admin.inlines import AttachmentAdmin, UploadAdmin
from media.admin.resources import MediaResourceAdmin

__all__ = ["AttachmentAdmin", "MediaResourceAdmin", "ObjectDeletionAdmin", "UploadAdmin"]
