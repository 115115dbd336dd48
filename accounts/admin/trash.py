"""Admin pages of rows that stay in the trash for `TRASH_DAYS` (sartiq/settings/environment.py)."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from accounts.models import TrashModel
from sartiq.core.admin_base import EMPTY_VALUE, link, report_action
from sartiq.core.errors import SartiqError

DELETED, YES = "deleted", "yes"
TRASH_FIELDS = ("deleted_at", "purge_date")


class TrashFilter(admin.SimpleListFilter):
    """Shows live rows, or the deleted ones."""

    title = "deleted"
    parameter_name = DELETED

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choice besides the live rows."""
        return [(YES, "Deleted, can be restored")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default choice: it is not all rows."""
        for index, choice in enumerate(super().choices(changelist)):
            yield choice if index else choice | {"display": "Not deleted"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Filter to live or to deleted rows."""
        rows: Any = queryset
        return rows.in_trash() if self.value() == YES else rows.live()


class TrashAdmin(ModelAdmin):
    """Base class of pages of rows that can be restored; a deleted row's page is read-only."""

    @abstractmethod
    def restore_row(self, row: Any) -> None:
        """Restore one row; raises SartiqError with the reason if it cannot be restored."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return deleted rows too, but do not offer them as choices."""
        rows: Any = self.model.with_deleted.order_by(*self.get_ordering(request))
        match = request.resolver_match
        is_choice = match is not None and match.url_name == "autocomplete"
        shown: QuerySet[Any] = rows.live() if is_choice else rows
        return shown

    def get_list_filter(self, request: HttpRequest) -> tuple[Any, ...]:
        """Add the filter of deleted rows."""
        return (TrashFilter, *super().get_list_filter(request))

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Add the dates of the deletion and of the purge to the list of deleted rows."""
        columns = tuple(super().get_list_display(request))
        return (*columns, *TRASH_FIELDS) if _shows_trash(request) else columns

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer only restoring in the list of deleted rows, and everything else in the other."""
        actions: dict[str, Any] = super().get_actions(request)
        in_trash = _shows_trash(request)
        return {name: act for name, act in actions.items() if (name == "restore") == in_trash}

    def has_change_permission(self, request: HttpRequest, obj: TrashModel | None = None) -> bool:
        """Allow no change of a deleted row."""
        return not is_deleted(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: TrashModel | None = None) -> bool:
        """Do not delete a row twice."""
        return not is_deleted(obj) and bool(super().has_delete_permission(request, obj))

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return what would be deleted: only these rows, and they can be restored."""
        rows = list(objs)
        name = str(self.model._meta.verbose_name_plural)  # noqa: SLF001  Django's own API
        return [restorable_link(row) for row in rows], {name: len(rows)}, set(), []

    @admin.display(description="Purged after")
    def purge_date(self, row: TrashModel) -> str:
        """Return until when a deleted row can be restored."""
        if row.deleted_at is None:
            return EMPTY_VALUE
        return date_format(row.deleted_at + timedelta(days=settings.TRASH_DAYS), "DATETIME_FORMAT")

    @admin.action(description="Restore", permissions=["delete"])
    def restore(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Restore the selected rows; name those that cannot be restored and why."""
        restored = 0
        for row in rows:
            try:
                self.restore_row(row)
            except SartiqError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
            else:
                restored += 1
        report_action(self, request, changed=(restored, "restored"))


def restorable_link(row: TrashModel) -> str:
    """Return a link to a row that is about to be deleted, and until when it can be restored."""
    until = timezone.now() + timedelta(days=settings.TRASH_DAYS)
    return format_html("{}, can be restored until {}", link(row), date_format(until, "DATE_FORMAT"))


def is_deleted(row: TrashModel | None) -> bool:
    """Return whether the row of a page is deleted."""
    return row is not None and row.deleted_at is not None


def _shows_trash(request: HttpRequest) -> bool:
    return request.GET.get(DELETED) == YES
