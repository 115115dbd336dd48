"""Admin of events, idempotency keys and sign-in failures; hides pages of other packages."""

import json
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.contrib.filters.admin import RangeDateTimeFilter

from sartiq.core.admin_base import (
    EMPTY_VALUE,
    BoundedPaginator,
    ReadOnlyAdmin,
    anchor,
    change_url,
    choice_column,
    link,
)
from sartiq.core.events import actions
from sartiq.core.models import ActorKind, Event, IdempotencyKey

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
        "id",
        "caller",
        "route",
        "key",
        "body_hash",
        "status_code",
        "location",
        "answer",
        "locked_until",
        "created_at",
        "updated_at",
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
        "username",
        "ip_address",
        "failures_since_start",
        "path_info",
        "user_agent",
        "attempt_time",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff with this permission delete attempts, which unlocks the user."""
        return request.user.has_perm("axes.delete_accessattempt")


class ActionFilter(admin.SimpleListFilter):
    """Events of one action; the actions are not read from the table."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the registered actions."""
        return actions.choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events of the chosen action."""
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened to which object, when, by whom and from where; the newest first."""

    paginator = BoundedPaginator
    list_display = ("created_at", "title", "about", "actor", "actor_kind_label", "source", "facts")
    list_display_links = ("created_at", "title")
    list_filter = (ActionFilter, "actor_kind", ("created_at", RangeDateTimeFilter))
    search_fields = ("object_id",)  # see `get_search_results`
    search_help_text = "The id of an object, an organization or a user with personal objects."
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "created_at",
        "title",
        "about",
        "organization_id",
        "user_id",
        "actor_kind",
        "actor",
        "source",
        "source_id",
        "ip",
        "facts",
        "id",
    )
    readonly_fields = fields

    actor_kind_label = choice_column(
        "actor_kind", {ActorKind.STAFF: "warning", ActorKind.COMMAND: "warning"}
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Return the events of an object or an owner, by indexes."""
        if not search_term:
            return queryset, False
        try:
            searched_id = UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        personal = Q(user_id=searched_id, organization_id__isnull=True)
        return queryset.filter(
            Q(object_id=searched_id) | Q(organization_id=searched_id) | personal
        ), False

    @admin.display(description="Action")
    def title(self, event: Event) -> str:
        """Show the action in words."""
        return actions.label_of(event.action)

    @admin.display(description="Object")
    def about(self, event: Event) -> str:
        """Link to the object; it may be gone."""
        if event.object_id is None:
            return EMPTY_VALUE
        name = event.object_type.replace("_", "")
        pages = self.admin_site._registry  # noqa: SLF001  the only list of pages
        model = next((page for page in pages if page._meta.model_name == name), None)  # noqa: SLF001
        text = f"{event.object_type} {event.object_id}"
        return anchor(change_url(model, event.object_id), text) if model else text

    @admin.display(description="By")
    def actor(self, event: Event) -> str:
        """Link to the user who caused it."""
        if event.actor_id is None:
            return EMPTY_VALUE
        return link(get_user_model()(pk=event.actor_id), str(event.actor_id))

    @admin.display(description="Details")
    def facts(self, event: Event) -> str:
        """Show the details as JSON."""
        if not event.details:
            return EMPTY_VALUE
        return format_html("<code>{}</code>", json.dumps(event.details, ensure_ascii=False))
