"""The site of the staff's pages: who may choose among rows, and the script every page loads."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog
from unfold.sites import UnfoldAdminSite


class ReferenceView(AutocompleteJsonView):
    """Answers the select of a reference.

    Staff who may set a field may choose among its rows, and staff who may filter a list may choose
    what to filter by, without the right to open the rows' own pages: both see only their names.
    """

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the caller may view the rows, or set or filter by the field."""
        if super().has_perm(request, obj):
            return True
        site: Any = self.admin_site  # the stubs call it optional
        source = site._registry.get(self.source_field.model)  # noqa: SLF001  the only list of pages
        return source is not None and (
            _may_set(source, request, self.source_field.name)
            or _may_filter(source, request, self.source_field.name)
        )


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """Unfold's site with our selects."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Serve the translated texts without a session: the login page loads them too."""
        texts = cache_control(public=True, max_age=3600)(
            JavaScriptCatalog.as_view(packages=["django.contrib.admin"])
        )
        return [path("jsi18n/", texts, name="jsi18n"), *super().get_urls()]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a select."""
        reference_response: HttpResponseBase = ReferenceView.as_view(admin_site=self)(request)
        return reference_response


def _may_set(source: Any, request: HttpRequest, field: str) -> bool:
    is_offered = field in source.get_autocomplete_fields(request) or any(
        field in getattr(inline, "autocomplete_fields", ()) for inline in _inlines_of(source)
    )
    return is_offered and (
        source.has_add_permission(request) or source.has_change_permission(request)
    )


def _inlines_of(source: Any) -> list[Any]:
    """Return the inlines that show this model on pages of others."""
    pages = source.admin_site._registry.values()  # noqa: SLF001  the only list of pages
    return [each for page in pages for each in page.inlines if each.model is source.model]


def _may_filter(source: Any, request: HttpRequest, field: str) -> bool:
    filters = source.get_list_filter(request)
    field_names = {each[0] for each in filters if isinstance(each, tuple)}
    return field in field_names and source.has_view_permission(request)
