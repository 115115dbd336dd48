"""Base classes, columns and links of admin pages, and the environment badge."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin import site as default_site
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from sartiq.core import events

Column = TypeVar("Column", bound=Callable[..., Any])

SYSTEM_FIELDS = ("id", "created_at", "updated_at")
EMPTY_VALUE = "-"
MAX_COUNTED = 10_000  # rows of a list that is too long to count
REFRESH_SECONDS = 3  # between reloads of the page of an unfinished row
LINK_CLASSES = "text-primary-600 dark:text-primary-500"
BADGE_COLOURS = {"production": "danger", "staging": "warning"}


def change_url(model: type[Model], row_id: Any) -> str:
    """Return the URL of a row's admin page."""
    meta = model._meta  # noqa: SLF001  Django's own API
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row_id])


def changelist_url(model: type[Model], **filters: Any) -> str:
    """Return the URL of a model's list with these filters."""
    meta = model._meta  # noqa: SLF001  Django's own API
    query = {name: str(value) for name, value in filters.items()}
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=query or None)


def anchor(address: str, text: object) -> str:
    """Return a styled link; its text is escaped."""
    return format_html('<a href="{}" class="{}">{}</a>', address, LINK_CLASSES, text)


def link(row: Model | None, text: str | None = None) -> str:
    """Return a link to a row's page."""
    if row is None:
        return EMPTY_VALUE
    return anchor(change_url(type(row), row.pk), text or str(row))


def model_with_attribute(
    name: str, value: str, *, site: AdminSite = default_site
) -> type[Model] | None:
    """Return the registered model whose class attribute `name` is `value`.

    It lets an app link to pages of an app that it must not import.
    """
    registered = site._registry  # noqa: SLF001  the only list of registered models
    return next((model for model in registered if getattr(model, name, None) == value), None)


def coloured(
    *, description: str, ordering: str, colours: Mapping[Any, str]
) -> Callable[[Column], Column]:
    """Show a column as a coloured label; it returns a key of `colours`, or a key and a text."""
    decorated = display(description=description, ordering=ordering, label=colours)
    return cast("Callable[[Column], Column]", decorated)


def choice_column(field: str, colours: Mapping[Any, str]) -> Callable[..., tuple[str, str]]:
    """Return a column that shows a field with choices as a coloured label."""

    @coloured(description=field.capitalize(), ordering=field, colours=colours)
    def column(_page: ModelAdmin, row: Any) -> tuple[str, str]:
        return getattr(row, field), getattr(row, f"get_{field}_display")()

    return column


def link_column(field: str, description: str) -> Callable[..., str]:
    """Return a column that links to the row of a foreign key."""

    def column(_page: ModelAdmin, row: Any) -> str:
        return link(getattr(row, field))

    return cast("Callable[..., str]", display(description=description)(column))


def is_superuser(request: HttpRequest) -> bool:
    """Return whether the caller is a superuser."""
    return bool(getattr(request.user, "is_superuser", False))


def environment_badge(request: HttpRequest) -> list[str]:
    """Return the badge with the name of the environment."""
    name = settings.ENVIRONMENT_NAME
    return [name.capitalize(), BADGE_COLOURS.get(name, "info")]


def report_action(
    page: ModelAdmin,
    request: HttpRequest,
    *,
    changed: tuple[int, str],
    skipped: Iterable[tuple[int, str]] = (),
) -> None:
    """Show how many rows an action changed, and how many were skipped and why."""
    count, description = changed
    if count:
        page.message_user(request, f"{count} {description}.", messages.SUCCESS)
    for count, reason in skipped:
        if count:
            page.message_user(request, f"{count} {reason}.", messages.WARNING)


class EventRecordingAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Pages whose forms save and delete rows themselves, and record events like a service."""

    created_action: str
    updated_action: str
    deleted_action: str

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save the row and record the names of the changed fields."""
        super().save_model(request, obj, form, change)
        if not change:
            events.record(self.action_of(obj, "created"), obj)
        elif form.changed_data:
            self.record_update(obj, form)

    def record_update(self, obj: Any, form: Any) -> None:
        """Record the names of the changed fields of a saved row."""
        events.record(self.action_of(obj, "updated"), obj, fields=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record the deletion and delete the row."""
        events.record(self.action_of(obj, "deleted"), obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Record the deletions and delete the rows."""
        with transaction.atomic():
            rows = list(queryset)
            if rows:
                events.record_each(self.action_of(rows[0], "deleted"), rows)
            super().delete_queryset(request, queryset)

    def action_of(self, obj: Any, verb: str) -> str:
        """Return the action for what happened to a row."""
        return str(getattr(self, f"{verb}_action"))


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Pages of the first ten thousand rows: counting a table of millions takes seconds."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `MAX_COUNTED`."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:MAX_COUNTED].count()


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only pages of rows written by the system."""

    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: the system writes these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the system writes these rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the system writes these rows."""
        return False


class RunAdmin(ReadOnlyAdmin):
    """Read-only pages of rows that workers process: a progress bar, and pages that reload.

    Rows have `is_finished`; `add_progress` gives them `progress` with `total` and `done_field`.
    """

    fieldsets: Any = ()
    done_field = "finished"

    def add_progress(self, rows: list[Any]) -> None:
        """Count the progress of all rows of a page in one query, and set it on them."""
        raise NotImplementedError

    def progress(self, row: Any) -> Any:
        """Return the progress of a row, counted once for all fields of a page."""
        if not hasattr(row, "progress"):
            self.add_progress([row])
        return row.progress

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return every field."""
        return tuple(name for _, options in self.fieldsets for name in options["fields"])

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Add the progress to the rows of the page."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = list(changelist.result_list)
        self.add_progress(changelist.result_list)
        return changelist

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the row; reload the page while it is not finished."""
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, object_id)
        if request.method == "GET" and row and not row.is_finished:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    @display(description="Progress")  # type: ignore[untyped-decorator]  # unfold has no types
    def progress_bar(self, row: Any) -> str:
        """Return a progress bar with the numbers."""
        progress = self.progress(row)
        done, total = getattr(progress, self.done_field), progress.total
        return format_html(
            '<progress max="{}" value="{}"></progress> {} of {}',
            total or 1,
            done,
            f"{done:,}",
            f"{total:,}",
        )


class ReadOnlyInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    """Read-only rows on the page of a related row."""

    extra = 0
    per_page = 20
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the system writes these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the system writes these rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the system writes these rows."""
        return False
