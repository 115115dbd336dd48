from media.admin.deletions import ObjectDeletionAdmin
from media.admin.reconcile import ReconcileReportAdmin, UnknownObjectAdmin
from media.admin.resources import MediaResourceAdmin
from media.admin.uploads import AttachmentAdmin, UploadAdmin

__all__ = [
    "AttachmentAdmin",
    "MediaResourceAdmin",
    "ObjectDeletionAdmin",
    "ReconcileReportAdmin",
    "UnknownObjectAdmin",
    "UploadAdmin",
]
