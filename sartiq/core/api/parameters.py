"""Checks of the parameter names of queries and forms."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Literal

from django.http import QueryDict

from sartiq.core.errors import Issue

Where = Literal["body", "query", "path", "header"]


def repeated_parameters(data: QueryDict, *, names: Sequence[str], where: Where) -> Iterator[Issue]:
    """Yield an issue for each known parameter that is sent more than once."""
    for name in names:
        values = data.getlist(name)
        if len(values) > 1:
            message = "Send this parameter only once."
            yield Issue(loc=(where, name), code="repeated_parameter", message=message, input=values)


def unknown_parameters(
    data: QueryDict, *, names: Sequence[str], where: Where, only_misspellings: bool
) -> Iterator[Issue]:
    """Yield an issue for each unknown parameter, or only for those that look like a misspelling."""
    for name in [parameter for parameter in data if parameter not in names]:
        suggestion = next(iter(get_close_matches(name, names, n=1)), None)
        if suggestion or not only_misspellings:
            yield Issue(
                loc=(where, name),
                code="unknown_parameter",
                message=f"Unknown parameter. {_advice(suggestion, names)}",
                input=data[name],
                ctx={"suggestion": suggestion} if suggestion else {},
            )


def _advice(suggestion: str | None, names: Sequence[str]) -> str:
    if suggestion:
        return f"Did you mean {suggestion}?"
    if names:
        return f"Known parameters: {', '.join(sorted(names))}."
    return "This route has no parameters."
