"""The core's own page, and which pages of third parties staff get to see."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.contrib.filters.admin import RangeDateTimeFilter

from sartiq.core.admin_base import ReadOnlyAdmin, link
from sartiq.core.models import IdempotencyKey

USELESS_OR_UNSAFE = (
    # Their pages show refresh tokens, with which a reader could sign in as another user.
    OutstandingToken,
    BlacklistedToken,
    # Nothing writes these (AXES_DISABLE_ACCESS_LOG).
    AccessFailureLog,
    AccessLog,
)
for model in (*USELESS_OR_UNSAFE, AccessAttempt):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Requests that were promised to run once, with the answer they got."""

    list_display = ("key", "route", "caller", "status_code", "locked_until", "created_at")
    list_filter = ("route", "status_code", ("created_at", RangeDateTimeFilter))
    search_fields = ("key", "route", "=user_id")
    ordering = ("-created_at", "-id")
    fields = (
        *("id", "caller", "route", "key", "body_hash", "status_code", "location", "answer"),
        *("locked_until", "created_at", "updated_at"),
    )
    readonly_fields = fields

    @admin.display(description="User")
    def caller(self, key: IdempotencyKey) -> str:
        """Link to the user; the row keeps only the id, so a link costs no query."""
        user = get_user_model()(pk=key.user_id)
        return link(user, str(key.user_id))


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Failed attempts to sign in; deleting one lets its user try again."""

    list_display = ("username", "ip_address", "failures_since_start", "path_info", "attempt_time")
    list_filter = (("attempt_time", RangeDateTimeFilter),)
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    # Never the stored form data: people type passwords into the wrong field.
    fields = (
        *("username", "ip_address", "failures_since_start", "path_info"),
        *("user_agent", "attempt_time"),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow unlocking a user to staff who may delete attempts."""
        return request.user.has_perm("axes.delete_accessattempt")
