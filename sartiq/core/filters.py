from typing import Any, NoReturn

from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail

from sartiq.core.errors import InvalidManyError
from sartiq.core.validation import issues_of


class QueryFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # untyped library
    """Filters a list by its query; a value of the wrong form is a 422 that stands in `query`."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        """Return the filtered rows, or raise InvalidManyError naming each bad parameter."""
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            _refuse(filterset)
        return filterset.qs


def _refuse(filterset: Any) -> NoReturn:
    data = filterset.data.dict() if hasattr(filterset.data, "dict") else filterset.data
    faults = {
        name: [_named(filterset.form.fields.get(name), error) for error in errors.as_data()]
        for name, errors in filterset.errors.items()
    }
    raise InvalidManyError(list(issues_of(faults, data=data, where="query")))


def _named(field: Any, error: Any) -> ErrorDetail:
    code = error.code or "value_error"
    if code == "invalid" and isinstance(field, forms.UUIDField):
        code = "uuid_parsing"
    return ErrorDetail(" ".join(error.messages), code=code)
