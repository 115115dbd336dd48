"""Admin of users and groups."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.actions import AccountAction
from accounts.admin.memberships import EventRecordingMembershipsMixin, OrganizationsInline
from accounts.models import User
from accounts.services import users
from sartiq.core import events
from sartiq.core.admin_base import SYSTEM_FIELDS, EventRecordingAdmin, is_superuser
from sartiq.core.errors import ConflictError

admin.site.unregister(Group)


class ChangeUserForm(UserChangeForm):
    """Form of a user that protects the last active superuser."""

    def clean(self) -> dict[str, Any]:
        """Reject disabling or demoting the last active superuser."""
        cleaned: dict[str, Any] = super().clean()
        try:
            users.require_remaining_superuser(
                user=self.instance,
                is_active=cleaned.get("is_active", False),
                is_superuser=cleaned.get("is_superuser", False),
            )
        except ConflictError as error:
            raise forms.ValidationError(error.detail) from None
        return cleaned


@admin.register(User)
class UserAdmin(EventRecordingMembershipsMixin, DjangoUserAdmin, EventRecordingAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Users with their permissions and memberships; deleting anonymizes."""

    created_action = AccountAction.USER_CREATED

    form = ChangeUserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "created_at")
    list_filter = ("is_active", "is_staff", "is_superuser", "organizations")
    search_fields = ("email", "full_name", "id")
    ordering = ("created_at", "id")
    readonly_fields = (*SYSTEM_FIELDS, "last_login", "deleted_at")
    inlines = (OrganizationsInline,)
    fieldsets = (
        (None, {"fields": ("email", "password", "full_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Details", {"fields": (*SYSTEM_FIELDS, "last_login", "deleted_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "full_name", "usable_password", "password1", "password2")}),
    )
    filter_horizontal = ("groups",)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Show memberships of existing users only."""
        return self.inlines if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let only superusers create users, as this can give any permission."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let only superusers change users."""
        return is_superuser(request) and (obj is None or obj.deleted_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let only superusers delete users, one at a time."""
        return is_superuser(request) and (obj is None or obj.deleted_at is None)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Remove bulk deletion, which would bypass the service."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Describe what happens to the users; no row is deleted, so none is protected."""
        descriptions = [
            f"{user}: disabled and anonymized; the rows they created are kept" for user in objs
        ]
        return descriptions, {"users": len(descriptions)}, set(), []

    def record_update(self, obj: User, form: Any) -> None:
        """Record the changes of a user, as the service does."""
        was_active = form.initial["is_active"]
        users.record_changes(obj, fields=form.changed_data, was_active=was_active)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002  Django's name
        """Show the form, or set the password and record that."""
        with transaction.atomic():
            before = self.get_object(request, id)
            response = super().user_change_password(request, id, form_url)
            user = self.get_object(request, id)
            if before and user and user.password != before.password:
                events.record(AccountAction.USER_PASSWORD_CHANGED, user)
        return response

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Disable and anonymize the user."""
        users.delete(user_id=obj.pk, now=timezone.now())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm and delete, or show why the user cannot be deleted."""
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ConflictError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return redirect("admin:accounts_user_change", object_id)
        return response


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, EventRecordingAdmin):
    """Groups in the product's theme."""

    created_action = AccountAction.GROUP_CREATED
    updated_action = AccountAction.GROUP_UPDATED
    deleted_action = AccountAction.GROUP_DELETED
