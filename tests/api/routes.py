"""All routes of the product with their methods, read from the URL resolver."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Function views do not list their methods, so they are listed here.
METHODS_OF_FUNCTIONS = {
    "health-storage": ["GET"],
    "live": ["GET"],
    "ready": ["GET"],
    "local-store": ["GET"],
    "local-upload": ["PUT"],
}
NOT_IN_THE_API = ("admin/", "favicon.ico")  # pages for browsers


@dataclass(frozen=True, order=True)
class Route:
    """One path and one of its methods; ids are written as `{name}` in the path."""

    path: str
    method: str
    name: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def all_routes() -> list[Route]:
    """Return every route with each of its methods, without HEAD and OPTIONS."""
    return sorted(
        Route(path=path, method=method, name=str(pattern.name))
        for path, pattern in _patterns(get_resolver().url_patterns, "/")
        for method in methods_of(pattern)
    )


def methods_of(pattern: URLPattern) -> list[str]:
    """Return the methods that a view allows."""
    view: Any = pattern.callback
    if hasattr(view, "actions") and view.actions:
        return [method.upper() for method in view.actions if method.upper() in METHODS]
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if kind is not None:
        return [method for method in METHODS if hasattr(kind, method.lower())]
    return METHODS_OF_FUNCTIONS[str(pattern.name)]


def _patterns(entries: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        part = re.sub(r"<\w+:(\w+)>", r"{\1}", str(entry.pattern))
        if part in NOT_IN_THE_API:
            continue
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, prefix + part)
        elif isinstance(entry, URLPattern):
            yield prefix + part, entry
