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
    classes: list[type[Adapter]] = [DefaultAdapter, *_classes()]
    adapters_by_code = {cls.code: cls() for cls in classes}
    for adapter in adapters_by_code.values():
        adapter.naming_template(None)  # an adapter with an invalid template fails at startup
    return adapters_by_code


def _classes() -> Iterator[type[Adapter]]:
    for module in sorted(pkgutil.iter_modules(adapters.__path__), key=lambda module: module.name):
        loaded = importlib.import_module(f"{adapters.__name__}.{module.name}")
        for _, kind in inspect.getmembers(loaded, inspect.isclass):
            is_defined_here = kind.__module__ == loaded.__name__
            if is_defined_here and issubclass(kind, Adapter) and not inspect.isabstract(kind):
                yield kind


ADAPTERS: Final = discover()


def codes() -> list[tuple[str, str]]:
    """Return the codes with their names, as choices."""
    return [(adapter.code, adapter.display_name) for adapter in ADAPTERS.values()]
