"""Every route and method the product answers, read from the URL resolver."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Plain views, which only a request can ask for their methods.
PLAIN = {
    "health-storage": ["GET"],
    "live": ["GET"],
    "ready": ["GET"],
    "local-store": ["GET"],
    "local-upload": ["PUT"],
}
NOT_OURS = ("admin/", "favicon.ico")  # pages for browsers


@dataclass(frozen=True, order=True)
class Route:
    """One path and one method of it; ids stand in the path as `{name}`."""

    path: str
    method: str
    name: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def all_routes() -> list[Route]:
    """Return every route with every method, HEAD and OPTIONS left out."""
    return sorted(
        Route(path=path, method=method, name=str(pattern.name))
        for path, pattern in _patterns(get_resolver().url_patterns, "/")
        for method in methods_of(pattern)
    )


def methods_of(pattern: URLPattern) -> list[str]:
    """Return the methods a view answers."""
    view: Any = pattern.callback
    if hasattr(view, "actions") and view.actions:
        return [method.upper() for method in view.actions if method.upper() in METHODS]
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if kind is not None:
        return [method for method in METHODS if hasattr(kind, method.lower())]
    return PLAIN[str(pattern.name)]


def _patterns(entries: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        part = re.sub(r"<\w+:(\w+)>", r"{\1}", str(entry.pattern))
        if part in NOT_OURS:
            continue
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, prefix + part)
        elif isinstance(entry, URLPattern):
            yield prefix + part, entry
