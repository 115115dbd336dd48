"""Admin of organizations."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.actions import AccountAction
from accounts.admin.memberships import EventRecordingMembershipsMixin, MembersInline
from accounts.models import Membership, Organization
from sartiq.core.admin_base import SYSTEM_FIELDS, EventRecordingAdmin, changelist_url


@admin.register(Organization)
class OrganizationAdmin(EventRecordingMembershipsMixin, EventRecordingAdmin):
    """Organizations with their members."""

    created_action = AccountAction.ORGANIZATION_CREATED
    updated_action = AccountAction.ORGANIZATION_UPDATED
    deleted_action = AccountAction.ORGANIZATION_DELETED

    list_display = ("name", "slug", "member_count", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "slug", "id")
    ordering = ("created_at", "id")
    readonly_fields = SYSTEM_FIELDS
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembersInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """Count the members in the list's own query."""
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(member_total=Count("memberships"))

    @admin.display(description="Members", ordering="member_total")
    def member_count(self, organization: Any) -> str:
        """Link the number to the list of its members."""
        members = changelist_url(Membership, organization__id__exact=organization.pk)
        return format_html('<a href="{}">{}</a>', members, organization.member_total)
