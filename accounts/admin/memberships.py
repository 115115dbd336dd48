"""Admin of memberships: their page, and inlines on the pages of users and organizations.

All changes follow the rule of the members service: an organization never loses its last active
owner.
"""

from collections.abc import Iterable
from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import TabularInline

from accounts.actions import AccountAction
from accounts.errors import LastOwnerError
from accounts.models import Membership
from accounts.services import members
from sartiq.core import events
from sartiq.core.admin_base import SYSTEM_FIELDS, EventRecordingAdmin, link


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """One membership on its own page."""

    def _post_clean(self) -> None:
        """Reject a change that would remove the last owner, once the new values are set."""
        super()._post_clean()  # type: ignore[misc]  # Django's hook after the instance is updated
        if self.errors or not self.has_changed():
            return
        try:
            members.require_remaining_owners(saved=[self.instance])
        except LastOwnerError as error:
            self.add_error(None, error.detail)


class MembershipFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # as above
    """Memberships validated together, so that one owner can replace another in one step."""

    def clean(self) -> None:
        """Reject changes that together would remove an organization's last owner."""
        super().clean()
        deleted = [form.instance for form in self.deleted_forms]
        saved = [
            form.instance
            for form in self.forms
            if form.has_changed() and form not in self.deleted_forms and not form.errors
        ]
        try:
            members.require_remaining_owners(saved=saved, deleted=deleted)
        except LastOwnerError as error:
            raise forms.ValidationError(error.detail) from None


class EventRecordingMembershipsMixin:
    """Records the events of memberships that are changed on the page of another row."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        """Save the memberships and record what changed."""
        removed = [copy(row.instance) for row in getattr(formset, "deleted_forms", ())]
        super().save_formset(request, form, formset, change)  # type: ignore[misc]  # of ModelAdmin
        events.record_each(AccountAction.MEMBER_REMOVED, [row for row in removed if row.pk])
        for membership in formset.new_objects:
            events.record(AccountAction.MEMBER_ADDED, membership, role=membership.role)
        for membership, _ in formset.changed_objects:
            events.record(AccountAction.MEMBER_ROLE_CHANGED, membership, role=membership.role)


class OrganizationsInline(TabularInline):
    """The organizations of one user."""

    model = Membership
    formset = MembershipFormSet
    extra = 0
    fields = ("organization", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("organization",)
    show_change_link = True


class MembersInline(TabularInline):
    """The members of one organization."""

    model = Membership
    formset = MembershipFormSet
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)
    show_change_link = True


@admin.register(Membership)
class MembershipAdmin(EventRecordingAdmin):
    """Users' roles in organizations; each organization keeps an owner who can sign in."""

    created_action = AccountAction.MEMBER_ADDED
    updated_action = AccountAction.MEMBER_ROLE_CHANGED

    form = MembershipForm
    list_display = ("id", "user_link", "organization_link", "role", "created_at")
    list_filter = ("role", "organization")
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__full_name", "organization__name", "organization__slug")
    ordering = ("created_at", "id")
    readonly_fields = SYSTEM_FIELDS
    autocomplete_fields = ("user", "organization")

    @admin.display(description="User", ordering="user__email")
    def user_link(self, membership: Membership) -> str:
        """Link to the user."""
        return link(membership.user)

    @admin.display(description="Organization", ordering="organization__name")
    def organization_link(self, membership: Membership) -> str:
        """Link to the organization."""
        return link(membership.organization)

    def get_deleted_objects(self, objs: Iterable[Membership], request: HttpRequest) -> Any:
        """List what would be deleted; for a last owner, add the reason why it cannot be."""
        memberships = list(objs)
        names, counts, forbidden, protected = super().get_deleted_objects(memberships, request)
        try:
            members.require_remaining_owners(deleted=memberships)
        except LastOwnerError as error:
            protected = [*protected, error.detail]
        return names, counts, forbidden, protected

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Delete one membership."""
        members.delete_many(memberships=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Delete several memberships, all or none."""
        members.delete_many(memberships=list(queryset))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm and delete, or show why not, if all other owners have just left."""
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except LastOwnerError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return redirect("admin:accounts_membership_change", object_id)
        return response

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, or why a bulk deletion failed, if all other owners have just left."""
        try:
            response: HttpResponse = super().changelist_view(request, extra_context)
        except LastOwnerError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return redirect(request.get_full_path())
        return response
