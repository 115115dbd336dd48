from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Membership, Organization, User
from accounts.services import users
from sartiq.core.errors import ConflictError
from sartiq.core.staff import FACTS, is_superuser, link, list_of

admin.site.unregister(Group)


class ChangeUserForm(UserChangeForm):
    """Keeps the last one who reaches everything."""

    def clean(self) -> dict[str, Any]:
        """Refuse to disable or demote the last active superuser."""
        cleaned: dict[str, Any] = super().clean()
        try:
            users.require_superuser_left(
                user=self.instance,
                is_active=cleaned.get("is_active", False),
                is_superuser=cleaned.get("is_superuser", False),
            )
        except ConflictError as refused:
            raise forms.ValidationError(refused.detail) from None
        return cleaned


class OrganizationsInline(TabularInline):
    """The organizations of one user."""

    model = Membership
    extra = 0
    fields = ("organization", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("organization",)
    show_change_link = True


class MembersInline(TabularInline):
    """The members of one organization."""

    model = Membership
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)
    show_change_link = True


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Users: what is known, what they may, where they belong; deleting anonymises."""

    form = ChangeUserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "created_at")
    list_filter = ("is_active", "is_staff", "is_superuser", "organizations")
    search_fields = ("email", "full_name", "id")
    ordering = ("created_at", "id")
    readonly_fields = (*FACTS, "last_login", "deleted_at")
    inlines = (OrganizationsInline,)
    fieldsets = (
        (None, {"fields": ("email", "password", "full_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Facts", {"fields": (*FACTS, "last_login", "deleted_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "full_name", "usable_password", "password1", "password2")}),
    )
    filter_horizontal = ("groups",)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Offer memberships once the user exists."""
        return self.inlines if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only superusers make users: a right to edit users is a right to everything."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change users."""
        return is_superuser(request) and (obj is None or obj.deleted_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers delete users, each on its own page."""
        return is_superuser(request) and (obj is None or obj.deleted_at is None)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out the deletion of many rows: it would bypass the service."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what deleting a user means here: no row goes, so nothing protects one."""
        told = [f"{user}: disabled and anonymised; what they created stays" for user in objs]
        return told, {"users": len(told)}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Disable and anonymise the user."""
        users.delete(user_id=obj.pk, now=timezone.now())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then delete; tell why when somebody depends on the user."""
        try:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ConflictError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return redirect("admin:accounts_user_change", object_id)
        return answer


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):
    """Organizations with their members."""

    list_display = ("name", "slug", "member_count", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "slug", "id")
    ordering = ("created_at", "id")
    readonly_fields = FACTS
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembersInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """Count the members in the list's own query."""
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(member_total=Count("memberships"))

    @admin.display(description="Members", ordering="member_total")
    def member_count(self, organization: Any) -> str:
        """Link the number to the list of its members."""
        members = list_of(Membership, organization__id__exact=organization.pk)
        return format_html('<a href="{}">{}</a>', members, organization.member_total)


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """Who is what where."""

    list_display = ("id", "member", "of_organization", "role", "created_at")
    list_filter = ("role", "organization")
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__full_name", "organization__name", "organization__slug")
    ordering = ("created_at", "id")
    readonly_fields = FACTS
    autocomplete_fields = ("user", "organization")

    @admin.display(description="User", ordering="user__email")
    def member(self, membership: Membership) -> str:
        """Link to the user."""
        return link(membership.user)

    @admin.display(description="Organization", ordering="organization__name")
    def of_organization(self, membership: Membership) -> str:
        """Link to the organization."""
        return link(membership.organization)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Groups in the product's theme."""
