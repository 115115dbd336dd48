from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from media.models import ObjectDeletion
from media.services import failed_deletions
from sartiq.core.admin_base import SYSTEM_FIELDS, ReadOnlyAdmin, coloured, report_action

STATE_COLOURS = {"given up": "danger", "queued": "info"}


@admin.register(ObjectDeletion)
class ObjectDeletionAdmin(ReadOnlyAdmin):
    """Queued deletions of objects, including those given up, which staff can run again."""

    list_display = (
        "key",
        "bucket",
        "reason",
        "state_label",
        "attempts",
        "last_error",
        "run_after",
        "created_at",
    )
    list_filter = ("dead", "bucket", "reason", ("created_at", RangeDateTimeFilter))
    search_fields = ("key", "last_error", "=id")
    ordering = ("-dead", "-created_at", "-id")
    fields = (
        "key",
        "bucket",
        "reason",
        "state_label",
        "attempts",
        "last_error",
        "last_attempted_at",
        "run_after",
        "sent_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields
    actions = ("run_again",)

    @coloured(description="State", ordering="dead", colours=STATE_COLOURS)
    def state_label(self, deletion: ObjectDeletion) -> str:
        """Return whether it is queued or given up."""
        return "given up" if deletion.dead else "queued"

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Allow users who may change deletions."""
        return request.user.has_perm("media.change_objectdeletion")

    @admin.action(description="Run again", permissions=["run"])
    def run_again(self, request: HttpRequest, rows: QuerySet[ObjectDeletion]) -> None:
        """Queue the selected deletions that were given up again."""
        selected = list(rows)
        given_up = [deletion.pk for deletion in selected if deletion.dead]
        retried = failed_deletions.retry_rows(given_up)
        waiting = len(selected) - retried
        report_action(
            self,
            request,
            changed=(retried, "queued again"),
            skipped=[(waiting, "skipped: already queued")],
        )
