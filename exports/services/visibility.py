"""Who may use which metadata adapter."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.models import Organization
from exports import selectors
from exports.errors import OrganizationUnknownError
from exports.models import MetadataAdapterVisibility
from exports.selectors import ShownAdapter
from sartiq.core.errors import InvalidManyError, Issue


def show(*, code: str, is_public: bool, organization_ids: Sequence[UUID]) -> ShownAdapter:
    """Make an adapter visible to all organizations, or only to the given ones.

    Configurations that name it already keep it. Raises MetadataAdapterNotFoundError, and
    InvalidManyError naming each unknown organization.
    """
    adapter = selectors.adapter_by_code(code)
    organizations = Organization.objects.filter(pk__in=organization_ids)
    known_ids = {each.pk for each in organizations}
    unknown = [at for at, each in enumerate(organization_ids) if each not in known_ids]
    if unknown:
        raise InvalidManyError([_issue(at, organization_ids[at]) for at in unknown])
    with transaction.atomic():
        row, _ = MetadataAdapterVisibility.objects.select_for_update().update_or_create(
            code=adapter.code, defaults={"is_public": is_public}
        )
        row.organizations.set(organizations)
    return ShownAdapter(adapter, is_public=is_public, organization_ids=tuple(sorted(known_ids)))


def _issue(at: int, organization_id: UUID) -> Issue:
    value = str(organization_id)
    return OrganizationUnknownError().at("body", "organization_ids", at, value=value)
