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
    """The choices of autocomplete fields.

    Staff who may set a field, or filter a list by it, get the names of its rows as choices, even
    without permission to view the rows.
    """

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may view the rows, set the field or filter by it."""
        if super().has_perm(request, obj):
            return True
        site: Any = self.admin_site  # optional in the stubs
        field = self.source_field  # the foreign key that is edited or filtered by
        page = site._registry.get(field.model)  # noqa: SLF001  the only list of pages
        return page is not None and (
            _may_set(page, request, field.name) or _may_filter(page, request, field.name)
        )


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The admin site, with the autocomplete permissions of `AutocompleteView`."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Serve the JavaScript catalog without a session: the login page loads it too."""
        catalog = cache_control(public=True, max_age=3600)(
            JavaScriptCatalog.as_view(packages=["django.contrib.admin"])
        )
        return [path("jsi18n/", catalog, name="jsi18n"), *super().get_urls()]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the choices of an autocomplete field."""
        response: HttpResponseBase = AutocompleteView.as_view(admin_site=self)(request)
        return response


def _may_set(page: Any, request: HttpRequest, field: str) -> bool:
    """Return whether the user may set a field on the page of its model or in an inline."""
    is_offered = field in page.get_autocomplete_fields(request) or any(
        field in getattr(inline, "autocomplete_fields", ()) for inline in _inlines_of(page)
    )
    return is_offered and (page.has_add_permission(request) or page.has_change_permission(request))


def _inlines_of(page: Any) -> list[Any]:
    """Return the inlines on other pages that edit this page's model."""
    pages = page.admin_site._registry.values()  # noqa: SLF001  the only list of pages
    inlines = [inline for other in pages for inline in other.inlines]
    return [inline for inline in inlines if inline.model is page.model]


def _may_filter(page: Any, request: HttpRequest, field: str) -> bool:
    filters = page.get_list_filter(request)
    field_names = {entry[0] for entry in filters if isinstance(entry, tuple)}
    return field in field_names and page.has_view_permission(request)
