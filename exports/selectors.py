"""Queries for configurations, adapters and exports."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.models import OwnerScope, User
from accounts.selectors import organization_ids_of
from exports.errors import (
    ExportConfigurationNotFoundError,
    ExportRunNotFoundError,
    MetadataAdapterNotFoundError,
)
from exports.models import (
    ExportConfiguration,
    ExportItem,
    ExportRun,
    ItemStatus,
    MetadataAdapterVisibility,
)
from exports.rules.adapters.base import Adapter
from exports.rules.adapters.registry import ADAPTERS
from exports.rules.templates import DEFAULT_TEMPLATE, Template, compile_template


def template_of(configuration: ExportConfiguration) -> Template:
    """Return the naming template of a configuration: its own if its adapter allows one."""
    adapter = adapter_by_code(configuration.metadata_adapter)
    return adapter.naming_template(configuration.naming_convention_template)


def naming_templates_of(scope: OwnerScope) -> list[Template]:
    """Return the naming templates of an owner's configurations, oldest first.

    An owner without configurations gets the default template, which their exports use.
    """
    rows = list(_oldest_first(ExportConfiguration.objects.in_scope(scope)))
    return [template_of(row) for row in rows] or [compile_template(DEFAULT_TEMPLATE)]


def configurations_visible_to(user: User) -> QuerySet[ExportConfiguration]:
    """Return the caller's configurations and those of their organizations, oldest first."""
    return _oldest_first(ExportConfiguration.objects.visible_to(user))


def configuration_visible_to(user: User, configuration_id: UUID) -> ExportConfiguration:
    """Return one configuration; raises not found for another owner's."""
    return first_of(configurations_visible_to(user).filter(pk=configuration_id))


def personal_configurations(user_id: UUID) -> QuerySet[ExportConfiguration]:
    """Return a user's own configurations, oldest first; never an organization's."""
    return _oldest_first(ExportConfiguration.objects.in_scope(OwnerScope(user_id=user_id)))


def configurations_of_organization(organization_id: UUID) -> QuerySet[ExportConfiguration]:
    """Return an organization's configurations, oldest first."""
    rows = ExportConfiguration.objects.filter(organization_id=organization_id)
    return _oldest_first(rows)


def first_of(rows: QuerySet[ExportConfiguration]) -> ExportConfiguration:
    """Return the oldest of the rows, or raise not found."""
    configuration = rows.first()
    if configuration is None:
        raise ExportConfigurationNotFoundError
    return configuration


def adapter_by_code(code: str) -> Adapter:
    """Return the adapter with a code; raises MetadataAdapterNotFoundError."""
    try:
        return ADAPTERS[code]
    except KeyError:
        raise MetadataAdapterNotFoundError from None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Number of an export's files in each state."""

    total: int = 0
    ready: int = 0
    failed: int = 0

    @property
    def finished(self) -> int:
        """Return how many are ready or failed."""
        return self.ready + self.failed

    @property
    def pending(self) -> int:
        """Return how many are unfinished."""
        return self.total - self.finished


def runs_in(scope: OwnerScope) -> QuerySet[ExportRun]:
    """Return one owner's exports, oldest first."""
    rows: QuerySet[ExportRun] = ExportRun.objects.in_scope(scope)
    return rows.order_by("created_at", "id")


def run_visible_to(user: User, run_id: UUID) -> ExportRun:
    """Return one export; raises not found for another owner's."""
    run: ExportRun | None = ExportRun.objects.visible_to(user).filter(pk=run_id).first()
    if run is None:
        raise ExportRunNotFoundError
    return run


def progress_of(runs: Iterable[ExportRun]) -> dict[UUID, Progress]:
    """Return the progress of each export, with one query for all."""
    rows = list(runs)
    counts = (
        ExportItem.objects.filter(run__in=[run.pk for run in rows])
        .order_by()
        .values_list("run_id", "status")
        .annotate(items=Count("pk"))
    )
    by_status = {(run_id, status): count for run_id, status, count in counts}
    return {
        run.pk: Progress(
            total=run.total,
            ready=by_status.get((run.pk, ItemStatus.DONE), 0),
            failed=by_status.get((run.pk, ItemStatus.FAILED), 0),
        )
        for run in rows
    }


def failures_of(run: ExportRun) -> QuerySet[ExportItem]:
    """Return the failed files of an export, in their order."""
    rows: QuerySet[ExportItem] = ExportItem.objects.failed().filter(run=run)
    return rows.order_by("position")


@dataclass(frozen=True)
class AdapterAvailability:
    """An adapter and the organizations that may use it."""

    adapter: Adapter
    is_public: bool
    organization_ids: tuple[UUID, ...]

    def is_available_to(self, organization_ids: Collection[UUID]) -> bool:
        """Return whether one of the organizations may use it."""
        return self.is_public or not set(organization_ids).isdisjoint(self.organization_ids)


def adapters() -> list[AdapterAvailability]:
    """Return every adapter with its availability, with two queries."""
    rows = MetadataAdapterVisibility.objects.prefetch_related("organizations")
    rows_by_code = {row.code: row for row in rows}
    return [_availability(adapter, rows_by_code.get(code)) for code, adapter in ADAPTERS.items()]


def adapters_visible_to(user: User, scope: OwnerScope) -> list[AdapterAvailability]:
    """Return the adapters available in the scope, with only the caller's own organizations.

    Without an organization in the scope, return those available to the caller anywhere.
    """
    if user.is_superuser and scope.organization_id is None:
        return adapters()
    own_ids = set(organization_ids_of(user))
    organization_ids = {scope.organization_id} if scope.organization_id else own_ids
    visible_ids = None if user.is_superuser else own_ids
    return [
        _visible_part(adapter, visible_ids)
        for adapter in adapters()
        if adapter.is_available_to(organization_ids)
    ]


def may_use_adapter(code: str, scope: OwnerScope) -> bool:
    """Return whether configurations of the scope may use the adapter."""
    adapter = next(row for row in adapters() if row.adapter.code == code)
    if scope.organization_id is not None:
        return adapter.is_available_to({scope.organization_id})
    return adapter.is_available_to(set(organization_ids_of(User(pk=scope.user_id))))


def _availability(adapter: Adapter, row: MetadataAdapterVisibility | None) -> AdapterAvailability:
    if row is None:
        return AdapterAvailability(adapter, is_public=True, organization_ids=())
    ids = tuple(sorted(organization.pk for organization in row.organizations.all()))
    return AdapterAvailability(adapter, is_public=row.is_public, organization_ids=ids)


def _visible_part(
    adapter: AdapterAvailability, visible_ids: set[UUID] | None
) -> AdapterAvailability:
    """Return the adapter with the visible organizations only; None means all."""
    ids = tuple(pk for pk in adapter.organization_ids if visible_ids is None or pk in visible_ids)
    return AdapterAvailability(adapter.adapter, is_public=adapter.is_public, organization_ids=ids)


def _oldest_first(rows: QuerySet[ExportConfiguration]) -> QuerySet[ExportConfiguration]:
    return rows.order_by("created_at", "id")
