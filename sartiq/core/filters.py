from typing import Any, NoReturn

from django_filters.rest_framework import DjangoFilterBackend

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
        name: [str(message) for error in errors.as_data() for message in error.messages]
        for name, errors in filterset.errors.items()
    }
    raise InvalidManyError(list(issues_of(faults, data=data, where="query")))
