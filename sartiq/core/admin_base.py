"""What every page of the staff's admin shares: links, read-only facts, the environment's badge."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin import site as default_site
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

Column = TypeVar("Column", bound=Callable[..., Any])

FACTS = ("id", "created_at", "updated_at")
NOTHING = "-"
LINK_CLASSES = "text-primary-600 dark:text-primary-500"
BADGE_COLOURS = {"production": "danger", "staging": "warning"}


def page_of(model: type[Model], row_id: Any) -> str:
    """Return the address of a row's page."""
    meta = model._meta  # noqa: SLF001  Django's own API
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row_id])


def list_of(model: type[Model], **filters: Any) -> str:
    """Return the address of a model's list, narrowed to what `filters` say."""
    meta = model._meta  # noqa: SLF001  Django's own API
    query = {name: str(value) for name, value in filters.items()}
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=query or None)


def anchor(address: str, text: object) -> str:
    """Return a link that looks like one; its text is escaped."""
    return format_html('<a href="{}" class="{}">{}</a>', address, LINK_CLASSES, text)


def link(row: Model | None, text: str | None = None) -> str:
    """Return a link to a row's page."""
    if row is None:
        return NOTHING
    return anchor(page_of(type(row), row.pk), text or str(row))


def model_holding(name: str, value: str, *, site: AdminSite = default_site) -> type[Model] | None:
    """Return the registered model whose class attribute `name` is `value`.

    So a lower app links to the pages of a higher one without knowing it.
    """
    registered = site._registry  # noqa: SLF001  the only list of registered models
    return next((model for model in registered if getattr(model, name, None) == value), None)


def coloured(
    *, description: str, ordering: str, colours: Mapping[Any, str]
) -> Callable[[Column], Column]:
    """Show a column as a label: it returns a key of `colours`, or a key and its text."""
    decorated = display(description=description, ordering=ordering, label=colours)
    return cast("Callable[[Column], Column]", decorated)


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether the caller reaches everything."""
    return bool(getattr(request.user, "is_superuser", False))


def environment(request: HttpRequest) -> list[str]:
    """Return the badge that tells staff where they are."""
    name = settings.ENVIRONMENT_NAME
    return [name.capitalize(), BADGE_COLOURS.get(name, "info")]


def report_action(
    page: ModelAdmin,
    request: HttpRequest,
    *,
    done: tuple[int, str],
    skipped: Iterable[tuple[int, str]] = (),
) -> None:
    """Say how many rows an action changed, and of the others how many were skipped and why."""
    count, what = done
    if count:
        page.message_user(request, f"{count} {what}.", messages.SUCCESS)
    for count, reason in skipped:
        if count:
            page.message_user(request, f"{count} {reason}.", messages.WARNING)


class FactsAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only pages of rows written by the system."""

    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds facts by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes facts by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody removes facts by hand."""
        return False


class FactsInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    """Related facts on the page of another row."""

    extra = 0
    per_page = 20
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody adds facts by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes facts by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody removes facts by hand."""
        return False
