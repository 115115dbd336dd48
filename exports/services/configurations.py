"""Creation, changes and deletion of export configurations."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import OwnerScope, User
from accounts.selectors import may_manage
from exports import selectors
from exports.actions import ExportAction
from exports.errors import AdapterNotAvailableError, TemplateNotCustomizableError
from exports.models import ExportConfiguration
from exports.rules.templates import compile_template
from sartiq.core import events
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import NotPermittedError, errors_located_at
from sartiq.core.preconditions import Precondition, unconditional

Rows = QuerySet[ExportConfiguration]
ADAPTER, TEMPLATE = "metadata_adapter", "naming_convention_template"


def create(*, scope: OwnerScope, values: Mapping[str, Any]) -> ExportConfiguration:
    """Save a configuration. Raises subclasses of InvalidError that name the field."""
    configuration = ExportConfiguration(
        user_id=scope.user_id, organization_id=scope.organization_id, **values
    )
    require_consistent(configuration, {ADAPTER: configuration.metadata_adapter, **values})
    with transaction.atomic():
        configuration.save()
        events.record(ExportAction.CONFIGURATION_CREATED, configuration)
    return configuration


def change_first(
    rows: Rows, *, values: Mapping[str, Any], precondition: Precondition = unconditional
) -> ExportConfiguration:
    """Update the oldest of the rows with these values.

    Raises ExportConfigurationNotFoundError when there is none.
    """
    with transaction.atomic():
        result = _locked_first(rows)
        precondition(result)
        changes = _changed_values(result, values)
        for name, value in values.items():
            setattr(result, name, value)
        require_consistent(result, changes)
        if values:
            result.save(update_fields=[*values, "updated_at"])
            events.record(ExportAction.CONFIGURATION_UPDATED, result, fields=sorted(values))
    return result


def delete_first(rows: Rows, *, precondition: Precondition = unconditional) -> None:
    """Delete the oldest of the rows; objects linked to it fall back to the next level.

    Raises ExportConfigurationNotFoundError when there is none.
    """
    for attempt in retry_on_contention():
        with attempt, transaction.atomic():
            result = _locked_first(rows)
            precondition(result)
            events.record(ExportAction.CONFIGURATION_DELETED, result)
            result.delete()


def writable_by(user: User, configuration_id: UUID) -> Rows:
    """Return a queryset of the one configuration the caller wants to change.

    Raises ExportConfigurationNotFoundError if the caller cannot see it, NotPermittedError if it
    belongs to an organization the caller does not manage.
    """
    result = selectors.configuration_visible_to(user, configuration_id)
    organization_id = result.organization_id
    if organization_id is not None and not may_manage(user, organization_id):
        raise NotPermittedError
    return ExportConfiguration.objects.filter(pk=configuration_id)


def require_consistent(configuration: ExportConfiguration, changes: Mapping[str, Any]) -> None:
    """Reject changes that leave a template and an adapter that do not fit together.

    A stored template that is not part of the changes may stay: an adapter with a fixed template
    ignores it, and the next adapter may use it again.
    """
    if ADAPTER in changes:
        with errors_located_at("body", ADAPTER):
            _require_available(configuration)
    text = changes.get(TEMPLATE)
    if text is None:
        return
    with errors_located_at("body", TEMPLATE):
        compile_template(text)
        if not selectors.adapter_by_code(configuration.metadata_adapter).is_customizable:
            raise TemplateNotCustomizableError(value=text)


def _changed_values(stored: ExportConfiguration, values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the adapter, and adapter and template together, if sent back unchanged."""
    changed = {name for name, value in values.items() if getattr(stored, name) != value}
    if changed.isdisjoint({ADAPTER, TEMPLATE}):
        return {}
    return {name: value for name, value in values.items() if name != ADAPTER or name in changed}


def _require_available(configuration: ExportConfiguration) -> None:
    if not selectors.may_use_adapter(configuration.metadata_adapter, configuration.scope):
        raise AdapterNotAvailableError(value=configuration.metadata_adapter)


def _locked_first(rows: Rows) -> ExportConfiguration:
    """Lock and return the oldest row; if it was just deleted, the next one."""
    while True:
        first = selectors.first_of(rows)
        locked = ExportConfiguration.objects.select_for_update(of=("self",)).filter(pk=first.pk)
        result = locked.first()
        if result is not None:
            return result
