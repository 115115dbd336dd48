"""The actions of events about media."""

from django.db.models import TextChoices

from sartiq.core import events


@events.register
class MediaAction(TextChoices):
    """What happens to media resources, their objects and the buckets."""

    RESOURCE_CREATED = "media_resource.created", "Media resource created"
    RESOURCE_UPDATED = "media_resource.updated", "Media resource updated"
    RESOURCE_READY = "media_resource.ready", "Media resource ready"
    RESOURCE_FAILED = "media_resource.failed", "Media resource failed"
    RESOURCE_RETRIED = "media_resource.retried", "Media resource retried"
    RESOURCE_REPAIRED = "media_resource.repaired", "Media resource repaired from a new upload"
    RESOURCE_PROTECTED = "media_resource.protected", "Media resource protected"
    RESOURCE_UNPROTECTED = "media_resource.unprotected", "Media resource no longer protected"
    RESOURCE_DELETED = "media_resource.deleted", "Media resource deleted"
    RESOURCE_RESTORED = "media_resource.restored", "Media resource restored"
    RESOURCE_DISCARDED = "media_resource.discarded", "Media resource discarded"
    CLEANUP_FINISHED = "cleanup.finished", "Cleanup finished"
    RECONCILE_FINISHED = "reconcile.finished", "Comparison of bucket and rows finished"
    RECONCILE_CONFIRMED = "reconcile.confirmed", "Missing files confirmed"
    RECONCILE_APPROVED = "reconcile.approved", "Deletion of unknown objects approved"
    DELETION_RETRIED = "object_deletion.retried", "Deletion of an object retried"
    ENVIRONMENT_ADOPTED = "environment.adopted", "Bucket adopted from another environment"
