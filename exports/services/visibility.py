"""Who may use which metadata adapter."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.models import Organization
from exports import selectors
from exports.actions import ExportAction
from exports.errors import OrganizationUnknownError
from exports.models import MetadataAdapterVisibility
from exports.selectors import AdapterAvailability
from sartiq.core import events
from sartiq.core.errors import InvalidValuesError, Issue


def set_visibility(
    *, code: str, is_public: bool, organization_ids: Sequence[UUID]
) -> AdapterAvailability:
    """Make an adapter visible to all organizations, or only to the given ones.

    Configurations that already use it are not changed. Raises MetadataAdapterNotFoundError, and
    InvalidValuesError naming each unknown organization.
    """
    adapter = selectors.adapter_by_code(code)
    organizations = Organization.objects.filter(pk__in=organization_ids)
    existing_ids = {organization.pk for organization in organizations}
    issues = [
        _unknown_organization(index, organization_id)
        for index, organization_id in enumerate(organization_ids)
        if organization_id not in existing_ids
    ]
    if issues:
        raise InvalidValuesError(issues)
    with transaction.atomic():
        row, _ = MetadataAdapterVisibility.objects.select_for_update().update_or_create(
            code=adapter.code, defaults={"is_public": is_public}
        )
        row.organizations.set(organizations)
        events.record(
            ExportAction.VISIBILITY_CHANGED,
            row,
            code=adapter.code,
            is_public=is_public,
            organizations=len(existing_ids),
        )
    return AdapterAvailability(
        adapter, is_public=is_public, organization_ids=tuple(sorted(existing_ids))
    )


def _unknown_organization(index: int, organization_id: UUID) -> Issue:
    value = str(organization_id)
    return OrganizationUnknownError().at("body", "organization_ids", index, value=value)
