from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.models import User
from media.admin.formatting import readable_size
from media.models import ReconcileReport, ReconcileState, UnknownObject
from media.services.reconcile import passes, unknown_objects
from sartiq.core.admin_base import (
    EMPTY_VALUE,
    SYSTEM_FIELDS,
    ReadOnlyAdmin,
    anchor,
    changelist_url,
    choice_column,
    link_column,
)
from sartiq.core.errors import SartiqError

STATE_COLOURS = {
    ReconcileState.RUNNING: "info",
    ReconcileState.COMPLETED: "success",
    ReconcileState.STOPPED: "danger",
    ReconcileState.ABANDONED: "warning",
}


@admin.register(ReconcileReport)
class ReconcileReportAdmin(ReadOnlyAdmin):
    """Passes over bucket and rows, with what staff have to decide."""

    list_display = (
        "started_at",
        "state_label",
        "objects_compared",
        "missing",
        "changed",
        "failed",
        "returned",
        "unknown_links",
        "size",
        "approved_at",
    )
    list_filter = ("state", ("started_at", RangeDateTimeFilter))
    ordering = ("-started_at", "-id")
    fields = (
        "state",
        "started_at",
        "finished_at",
        "objects_compared",
        "rows_compared",
        "rows_expected",
        "max_lost",
        "missing",
        "changed",
        "failed",
        "only_counts",
        "confirmed_lost",
        "returned",
        "recorded",
        "unknown_links",
        "size",
        "sample_keys",
        "approved",
        "approved_at",
        "approved_by_link",
        "cursor",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields
    actions = ("delete_unknown", "continue_despite_losses")

    state_label = choice_column("state", STATE_COLOURS)
    approved_by_link = link_column("approved_by", "Approved by")

    @admin.display(description="Unknown objects to approve", ordering="reported")
    def unknown_links(self, report: ReconcileReport) -> str:
        """Link to the unknown objects of the report."""
        return anchor(changelist_url(UnknownObject, report__id__exact=report.pk), report.reported)

    @admin.display(description="Their size", ordering="reported_bytes")
    def size(self, report: ReconcileReport) -> str:
        """Return the size of the unknown objects."""
        return readable_size(report.reported_bytes)

    @admin.display(description="Samples")
    def sample_keys(self, report: ReconcileReport) -> str:
        """Return some keys of each kind."""
        lines = [f"{name}: {', '.join(keys)}" for name, keys in report.samples.items()]
        return "; ".join(lines) or EMPTY_VALUE

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Allow users who may change reports."""
        return request.user.has_perm("media.change_reconcilereport")

    @admin.action(description="Delete unknown objects", permissions=["decide"])
    def delete_unknown(
        self, request: HttpRequest, rows: QuerySet[ReconcileReport]
    ) -> HttpResponse | None:
        """Queue the deletion of the unknown objects of one report, after a confirmation."""
        return self._decide(
            request,
            rows,
            action="delete_unknown",
            expected=lambda report: report.reported,
            question="Delete {count} objects ({size}) that belong to no row? They cannot be"
            " restored. After a restore of an older database they may be newer files of your"
            " customers.",
            decide=_approve,
        )

    @admin.action(description="Continue despite missing files", permissions=["decide"])
    def continue_despite_losses(
        self, request: HttpRequest, rows: QuerySet[ReconcileReport]
    ) -> HttpResponse | None:
        """Let the next pass mark as many files as this one counted, after a confirmation."""
        return self._decide(
            request,
            rows,
            action="continue_despite_losses",
            expected=lambda report: report.lost,
            question="Mark {count} files as failed in the next pass? Check first that the bucket is"
            " the right one and complete.",
            decide=_confirm_lost,
        )

    def _decide(
        self,
        request: HttpRequest,
        rows: QuerySet[ReconcileReport],
        *,
        action: str,
        expected: Callable[[ReconcileReport], int],
        question: str,
        decide: Callable[[ReconcileReport, HttpRequest], str],
    ) -> HttpResponse | None:
        selected = list(rows[:2])
        if len(selected) != 1:
            self.message_user(request, "Select one report.", messages.WARNING)
            return None
        (report,) = selected
        count = expected(report)
        if request.POST.get("confirmed") == str(count):
            try:
                self.message_user(request, decide(report, request), messages.SUCCESS)
            except SartiqError as error:
                self.message_user(request, error.detail, messages.ERROR)
            return None
        size = readable_size(report.reported_bytes)
        context = self.admin_site.each_context(request) | {
            "title": str(report),
            "question": question.format(count=count, size=size),
            "button": dict(self.get_action_choices(request))[action],
            "action": action,
            "row": report,
            "expected": count,
            "back": changelist_url(ReconcileReport),
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)


def _approve(report: ReconcileReport, request: HttpRequest) -> str:
    user = request.user if isinstance(request.user, User) else None
    approved = unknown_objects.approve(report.pk, user=user).approved
    return f"{approved} objects queued for deletion."


def _confirm_lost(report: ReconcileReport, _request: HttpRequest) -> str:
    passes.confirm_lost(report.lost, report_id=report.pk)
    return f"The next pass may mark {report.lost} files. It starts within an hour."


@admin.register(UnknownObject)
class UnknownObjectAdmin(ReadOnlyAdmin):
    """Objects under `media/` that belong to no row."""

    list_display = ("key", "readable", "last_modified", "recorded_at", "seen_at", "report_link")
    list_filter = (("recorded_at", RangeDateTimeFilter),)
    search_fields = ("key", "=id")
    list_select_related = ("report",)
    ordering = ("-seen_at", "-id")
    fields = (
        "key",
        "etag",
        "readable",
        "last_modified",
        "recorded_at",
        "seen_at",
        "report_link",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    report_link = link_column("report", "Report")

    @admin.display(description="Size", ordering="size")
    def readable(self, row: UnknownObject) -> str:
        """Return the size."""
        return readable_size(row.size)
