"""Which configurations, adapters and exports there are, and for whom."""

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
from exports.rules.templates import Template


def template_of(configuration: ExportConfiguration) -> Template:
    """Return what a configuration's names are made with: its own template, else the adapter's."""
    adapter = adapter_by_code(configuration.metadata_adapter)
    return adapter.naming(configuration.naming_convention_template)


def configurations_visible_to(user: User) -> QuerySet[ExportConfiguration]:
    """Return the caller's configurations and those of their organizations, oldest first."""
    return _oldest_first(ExportConfiguration.objects.visible_to(user))


def configuration_visible_to(user: User, configuration_id: UUID) -> ExportConfiguration:
    """Return one configuration; a foreign one is not found."""
    return first_of(configurations_visible_to(user).filter(pk=configuration_id))


def personal_configurations(user_id: UUID) -> QuerySet[ExportConfiguration]:
    """Return a user's own configurations, oldest first; never an organization's."""
    return _oldest_first(ExportConfiguration.objects.in_scope(OwnerScope(user_id=user_id)))


def configurations_of_organization(organization_id: UUID) -> QuerySet[ExportConfiguration]:
    """Return an organization's configurations, oldest first."""
    rows = ExportConfiguration.objects.filter(organization_id=organization_id)
    return _oldest_first(rows)


def first_of(rows: QuerySet[ExportConfiguration]) -> ExportConfiguration:
    """Return the oldest of the rows; none is not found."""
    found = rows.first()
    if found is None:
        raise ExportConfigurationNotFoundError
    return found


def adapter_by_code(code: str) -> Adapter:
    """Return one adapter."""
    try:
        return ADAPTERS[code]
    except KeyError:
        raise MetadataAdapterNotFoundError from None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How many files of an export stand where: each is counted by the row that decides it."""

    total: int = 0
    ready: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """How many have their outcome."""
        return self.ready + self.failed

    @property
    def pending(self) -> int:
        """How many still wait."""
        return self.total - self.done


def runs_in(scope: OwnerScope) -> QuerySet[ExportRun]:
    """Return one owner's exports, oldest first."""
    rows: QuerySet[ExportRun] = ExportRun.objects.in_scope(scope)
    return rows.order_by("created_at", "id")


def run_visible_to(user: User, run_id: UUID) -> ExportRun:
    """Return one export; a foreign one is not found."""
    found: ExportRun | None = ExportRun.objects.visible_to(user).filter(pk=run_id).first()
    if found is None:
        raise ExportRunNotFoundError
    return found


def progress_of(runs: Iterable[ExportRun]) -> dict[UUID, Progress]:
    """Return how far each export is: one query for any number of them."""
    rows = list(runs)
    counted = (
        ExportItem.objects.filter(run__in=[run.pk for run in rows])
        .order_by()
        .values_list("run_id", "status")
        .annotate(times=Count("pk"))
    )
    times = {(run_id, status): number for run_id, status, number in counted}
    return {
        run.pk: Progress(
            total=run.total,
            ready=times.get((run.pk, ItemStatus.DONE), 0),
            failed=times.get((run.pk, ItemStatus.FAILED), 0),
        )
        for run in rows
    }


def failures_of(run: ExportRun) -> QuerySet[ExportItem]:
    """Return the files of an export that failed, in its order."""
    rows: QuerySet[ExportItem] = ExportItem.objects.failed().filter(run=run)
    return rows.order_by("position")


@dataclass(frozen=True)
class ShownAdapter:
    """An adapter with who may use it."""

    adapter: Adapter
    is_public: bool
    organization_ids: tuple[UUID, ...]

    def is_for(self, organization_ids: Collection[UUID]) -> bool:
        """Tell whether one of the organizations may use it."""
        return self.is_public or not set(organization_ids).isdisjoint(self.organization_ids)


def adapters() -> list[ShownAdapter]:
    """Return every adapter with who may use it: two queries."""
    rows = MetadataAdapterVisibility.objects.prefetch_related("organizations")
    known = {row.code: row for row in rows}
    return [_shown(adapter, known.get(code)) for code, adapter in ADAPTERS.items()]


def adapters_visible_to(user: User, scope: OwnerScope) -> list[ShownAdapter]:
    """Return the adapters one may use in the scope, naming no organization foreign to the caller.

    Without an organization in the scope: those the caller may use anywhere.
    """
    if user.is_superuser and scope.organization_id is None:
        return adapters()
    theirs = set(organization_ids_of(user))
    named = {scope.organization_id} if scope.organization_id else theirs
    known = None if user.is_superuser else theirs
    return [_told(each, known) for each in adapters() if each.is_for(named)]


def may_use_adapter(code: str, scope: OwnerScope) -> bool:
    """Tell whether configurations of the scope may name the adapter."""
    shown = next(each for each in adapters() if each.adapter.code == code)
    if scope.organization_id is not None:
        return shown.is_for({scope.organization_id})
    return shown.is_for(set(organization_ids_of(User(pk=scope.user_id))))


def _shown(adapter: Adapter, row: MetadataAdapterVisibility | None) -> ShownAdapter:
    if row is None:
        return ShownAdapter(adapter, is_public=True, organization_ids=())
    ids = tuple(sorted(each.pk for each in row.organizations.all()))
    return ShownAdapter(adapter, is_public=row.is_public, organization_ids=ids)


def _told(shown: ShownAdapter, known: set[UUID] | None) -> ShownAdapter:
    """Leave out the organizations the caller is no member of; None keeps all."""
    ids = tuple(each for each in shown.organization_ids if known is None or each in known)
    return ShownAdapter(shown.adapter, is_public=shown.is_public, organization_ids=ids)


def _oldest_first(rows: QuerySet[ExportConfiguration]) -> QuerySet[ExportConfiguration]:
    return rows.order_by("created_at", "id")
