from media.models.attachment import Attachment, AttachmentQuerySet
from media.models.deletion import Bucket, DeletionReason, ObjectDeletion, ObjectDeletionQuerySet
from media.models.environment import EnvironmentIdentity, get_or_create_identity, own_identity
from media.models.reconcile import (
    ReconcileReport,
    ReconcileState,
    UnknownObject,
    UnknownObjectQuerySet,
)
from media.models.resource import (
    MediaResource,
    MediaResourceQuerySet,
    ResourceStatus,
    ResourceType,
)
from media.models.upload import Upload, UploadQuerySet, UploadState

__all__ = [
    "Attachment",
    "AttachmentQuerySet",
    "Bucket",
    "DeletionReason",
    "EnvironmentIdentity",
    "MediaResource",
    "MediaResourceQuerySet",
    "ObjectDeletion",
    "ObjectDeletionQuerySet",
    "ReconcileReport",
    "ReconcileState",
    "ResourceStatus",
    "ResourceType",
    "UnknownObject",
    "UnknownObjectQuerySet",
    "Upload",
    "UploadQuerySet",
    "UploadState",
    "get_or_create_identity",
    "own_identity",
]
