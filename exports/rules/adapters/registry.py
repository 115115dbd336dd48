"""Registry of the metadata adapters, discovered in this package."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Final

from exports.rules import adapters
from exports.rules.adapters.base import Adapter
from exports.rules.adapters.default import DefaultAdapter


def discover() -> dict[str, Adapter]:
    """Return every adapter of the package by its code, the default one first."""
    match = {DefaultAdapter.code: DefaultAdapter(), **{each.code: each() for each in _classes()}}
    for adapter in match.values():
        adapter.naming(None)  # an adapter with a bad template stops the start
    return match


def _classes() -> Iterator[type[Adapter]]:
    for module in sorted(pkgutil.iter_modules(adapters.__path__), key=lambda each: each.name):
        loaded = importlib.import_module(f"{adapters.__name__}.{module.name}")
        for _, kind in inspect.getmembers(loaded, inspect.isclass):
            is_its_own = kind.__module__ == loaded.__name__
            if is_its_own and issubclass(kind, Adapter) and not inspect.isabstract(kind):
                yield kind


ADAPTERS: Final = discover()


def codes() -> list[tuple[str, str]]:
    """Return the codes with their names, as choices."""
    return [(each.code, each.display_name) for each in ADAPTERS.values()]
