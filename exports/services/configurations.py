"""Creating, changing and deleting export configurations."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import OwnerScope, User
from accounts.selectors import may_manage
from exports import selectors
from exports.errors import AdapterNotAvailableError, TemplateNotCustomizableError
from exports.models import ExportConfiguration
from exports.rules.templates import compile_template
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import NotPermittedError, errors_located_at
from sartiq.core.preconditions import Precondition, unconditional

Rows = QuerySet[ExportConfiguration]
ADAPTER, TEMPLATE = "metadata_adapter", "naming_convention_template"


def create(*, scope: OwnerScope, facts: Mapping[str, Any]) -> ExportConfiguration:
    """Save a configuration. Raises InvalidError kinds that point at their field."""
    created = ExportConfiguration(
        user_id=scope.user_id, organization_id=scope.organization_id, **facts
    )
    require_consistent(created, {ADAPTER: created.metadata_adapter, **facts})
    created.save()
    return created


def change_first(
    rows: Rows, *, facts: Mapping[str, Any], precondition: Precondition = unconditional
) -> ExportConfiguration:
    """Change the oldest of the rows; what `facts` leave out stays as it is.

    Raises ExportConfigurationNotFoundError when there is none.
    """
    with transaction.atomic():
        result = _locked_first(rows)
        precondition(result)
        payload = _asked_anew(result, facts)
        for name, value in facts.items():
            setattr(result, name, value)
        require_consistent(result, payload)
        if facts:
            result.save(update_fields=[*facts, "updated_at"])
    return result


def delete_first(rows: Rows, *, precondition: Precondition = unconditional) -> None:
    """Delete the oldest of the rows; whatever names it falls back to the next level.

    Raises ExportConfigurationNotFoundError when there is none.
    """
    for attempt in retry_on_contention():
        with attempt, transaction.atomic():
            result = _locked_first(rows)
            precondition(result)
            result.delete()


def writable_by(user: User, configuration_id: UUID) -> Rows:
    """Return the one configuration the caller asks to change.

    Raises ExportConfigurationNotFoundError for a foreign one, NotPermittedError for one of an
    organization the caller does not manage.
    """
    result = selectors.configuration_visible_to(user, configuration_id)
    organization_id = result.organization_id
    if organization_id is not None and not may_manage(user, organization_id):
        raise NotPermittedError
    return ExportConfiguration.objects.filter(pk=configuration_id)


def require_consistent(wanted: ExportConfiguration, payload: Mapping[str, Any]) -> None:
    """Refuse a change after which template and adapter do not fit together.

    A stored template that is not part of the change may stay: an adapter that prescribes its names
    passes over it, and it is there again with the next adapter.
    """
    if ADAPTER in payload:
        with errors_located_at("body", ADAPTER):
            _require_available(wanted)
    text = payload.get(TEMPLATE)
    if text is None:
        return
    with errors_located_at("body", TEMPLATE):
        compile_template(text)
        if not selectors.adapter_by_code(wanted.metadata_adapter).is_customizable:
            raise TemplateNotCustomizableError(value=text)


def _asked_anew(stored: ExportConfiguration, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out an adapter, and a pair of both, that is sent back as it is stored."""
    changed = {name for name, value in facts.items() if getattr(stored, name) != value}
    if changed.isdisjoint({ADAPTER, TEMPLATE}):
        return {}
    return {name: value for name, value in facts.items() if name != ADAPTER or name in changed}


def _require_available(wanted: ExportConfiguration) -> None:
    if not selectors.may_use_adapter(wanted.metadata_adapter, wanted.scope):
        raise AdapterNotAvailableError(value=wanted.metadata_adapter)


def _locked_first(rows: Rows) -> ExportConfiguration:
    """Lock and return the oldest row; if it was just deleted, the next one."""
    while True:
        first = selectors.first_of(rows)
        locked = ExportConfiguration.objects.select_for_update(of=("self",)).filter(pk=first.pk)
        result = locked.first()
        if result is not None:
            return result
