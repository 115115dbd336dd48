"""The admin site: permissions of autocomplete fields, and the script that every page loads."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog
from unfold.sites import UnfoldAdminSite


class AutocompleteView(AutocompleteJsonView):
    """Options of autocomplete fields.

    Staff who may set a field, or filter a list by it, may choose among its rows without permission
    to view the rows: they only see the names.
    """

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the caller may view the rows, set the field or filter by it."""
        if super().has_perm(request, obj):
            return True
        site: Any = self.admin_site  # optional in the stubs
        source = site._registry.get(self.source_field.model)  # noqa: SLF001  the only list of pages
        return source is not None and (
            _may_set(source, request, self.source_field.name)
            or _may_filter(source, request, self.source_field.name)
        )


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """Unfold's site with these autocomplete permissions."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Serve the JavaScript catalog without a session: the login page loads it too."""
        catalog = cache_control(public=True, max_age=3600)(
            JavaScriptCatalog.as_view(packages=["django.contrib.admin"])
        )
        return [path("jsi18n/", catalog, name="jsi18n"), *super().get_urls()]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the options of an autocomplete field."""
        options: HttpResponseBase = AutocompleteView.as_view(admin_site=self)(request)
        return options


def _may_set(source: Any, request: HttpRequest, field: str) -> bool:
    is_offered = field in source.get_autocomplete_fields(request) or any(
        field in getattr(inline, "autocomplete_fields", ()) for inline in _inlines_of(source)
    )
    return is_offered and (
        source.has_add_permission(request) or source.has_change_permission(request)
    )


def _inlines_of(source: Any) -> list[Any]:
    """Return the inlines of this model on pages of other models."""
    pages = source.admin_site._registry.values()  # noqa: SLF001  the only list of pages
    inlines = [inline for page in pages for inline in page.inlines]
    return [inline for inline in inlines if inline.model is source.model]


def _may_filter(source: Any, request: HttpRequest, field: str) -> bool:
    filters = source.get_list_filter(request)
    field_names = {entry[0] for entry in filters if isinstance(entry, tuple)}
    return field in field_names and source.has_view_permission(request)
