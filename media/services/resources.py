"""What people may change of a resource, and repairing those that did not make it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import OwnerScope, User
from accounts.selectors import may_write, require_superuser
from media import deferred, selectors
from media.models import MediaResource, ObjectDeletion, ResourceStatus
from media.rules import keys
from sartiq.core.errors import NotPermittedError
from sartiq.core.models import free_to_take

FILLABLE = (
    "color_profile",
    "duration",
    "dominant_color",
    "width",
    "height",
    "alt_text",
    "caption",
)
CORRECTABLE = ("alt_text", "caption", "protected")
MOST_AT_ONCE = 1000


def fill_metadata(*, user: User, resource_id: UUID, values: Mapping[str, Any]) -> MediaResource:
    """Set the metadata that is still unknown; a field already set is silently kept."""
    resource = selectors.resource_visible_to(user, resource_id)
    if not may_write(user, _scope(resource)):
        raise NotPermittedError
    for name in FILLABLE:
        if values.get(name) is not None:
            still_unknown = MediaResource.objects.filter(
                pk=resource.pk, **{f"{name}__isnull": True}
            )
            still_unknown.update(**{name: values[name]}, updated_at=Now())
    return selectors.resource_visible_to(user, resource_id)


def correct(*, resource_id: UUID, values: Mapping[str, Any]) -> None:
    """Replace what staff may change, and nothing a worker may be writing at the same time."""
    known = {name: values[name] for name in CORRECTABLE if name in values}
    MediaResource.objects.filter(pk=resource_id).update(**known, updated_at=Now())


def heal(*, user: User) -> int:
    """Queue every failed or long waiting resource for another try; return how many.

    Superusers only. At most a thousand of each; those not tried for longest come first, so that
    hopeless ones hide nobody.
    """
    require_superuser(user)
    waiting = MediaResource.objects.pending().filter(free_to_take()).order_by("created_at")
    told = list(waiting.values_list("pk", flat=True)[:MOST_AT_ONCE])
    for pk in told:
        deferred.relocate(pk)
    failed = MediaResource.objects.filter(status=ResourceStatus.FAILED).order_by("updated_at")
    return len(told) + sum(retry(resource) for resource in failed[:MOST_AT_ONCE])


def retry(resource: MediaResource) -> bool:
    """Put one FAILED resource back in the queue; False when its place is taken or being cleared."""
    copy = keys.canonical_key(resource.pk, resource.extension)
    try:
        with transaction.atomic():
            rows = ObjectDeletion.objects.alive().filter(key=copy)
            list(rows.select_for_update().values_list("pk", flat=True))  # none starts meanwhile
            if rows.exclude(free_to_take() | Q(lease_expires_at__isnull=True)).exists():
                return False
            rows.delete()
            resource.retry()
            deferred.relocate(resource.pk)
    except IntegrityError:  # the same bytes were taken in again meanwhile
        return False
    return True


def _scope(resource: MediaResource) -> OwnerScope:
    return OwnerScope(user_id=resource.user_id, organization_id=resource.organization_id)
