"""Admin of idempotency keys and sign-in failures; hides some pages of other packages."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.contrib.filters.admin import RangeDateTimeFilter

from sartiq.core.admin_base import ReadOnlyAdmin, link
from sartiq.core.models import IdempotencyKey

HIDDEN_MODELS = (
    # Their pages show refresh tokens, which would let staff sign in as another user.
    OutstandingToken,
    BlacklistedToken,
    # Nothing writes these (AXES_DISABLE_ACCESS_LOG).
    AccessFailureLog,
    AccessLog,
)
for model in (*HIDDEN_MODELS, AccessAttempt):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Idempotency keys with the stored responses."""

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
        """Link to the user; the row stores the id, so this needs no query."""
        user = get_user_model()(pk=key.user_id)
        return link(user, str(key.user_id))


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Failed attempts to sign in; deleting one lets its user try again."""

    list_display = ("username", "ip_address", "failures_since_start", "path_info", "attempt_time")
    list_filter = (("attempt_time", RangeDateTimeFilter),)
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    # Not the stored form data: it may contain a password typed into the wrong field.
    fields = (
        *("username", "ip_address", "failures_since_start", "path_info"),
        *("user_agent", "attempt_time"),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff with this permission delete attempts, which unlocks the user."""
        return request.user.has_perm("axes.delete_accessattempt")
