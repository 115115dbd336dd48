"""What the files of an export will be called, and what is said of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from exports.errors import NothingToExportError, TooManyFilesError
from exports.models import ExportConfiguration, ImageFormat
from exports.rules import names
from exports.rules.image_formats import ENCODINGS
from exports.rules.limits import MAX_FILES
from exports.rules.manifest import MANIFEST
from exports.rules.templates import Template
from exports.rules.wildcards import Value
from exports.selectors import adapter_by_code, template_of
from media.models import MediaResource, ResourceType


@dataclass(frozen=True, kw_only=True)
class ExportEntry:
    """One file to export, and what is known of it by the wildcards' names."""

    resource: MediaResource
    values: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class NamedEntry:
    """One file under the name it gets, with everything that is known of it."""

    position: int
    resource: MediaResource
    name: str
    values: dict[str, Value]

    @property
    def stored_values(self) -> dict[str, Any]:
        """The values as JSON holds them."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in self.values.items()
        }


def name_entries(
    entries: Sequence[ExportEntry], *, configuration: ExportConfiguration, today: date
) -> list[NamedEntry]:
    """Give every file its name, no two alike.

    Raises NothingToExportError for none and TooManyFilesError for more than one run takes.
    """
    if not entries:
        raise NothingToExportError
    if len(entries) > MAX_FILES:
        raise TooManyFilesError(ctx={"limit": MAX_FILES})
    template = template_of(configuration)
    known = _with_numbers(entries, template, today)
    image_format = ImageFormat(configuration.image_format)
    wanted = [
        (template.render(values), extension_of(entry.resource, image_format))
        for entry, values in zip(entries, known, strict=True)
    ]
    chosen = names.distinct(wanted, taken=[*metadata_names(configuration), MANIFEST])
    return [
        NamedEntry(position=position, resource=entry.resource, name=name, values=values)
        for position, (entry, name, values) in enumerate(
            zip(entries, chosen, known, strict=True), start=1
        )
    ]


def metadata_names(configuration: ExportConfiguration) -> list[str]:
    """Return the names of the files the adapter writes."""
    return list(adapter_by_code(configuration.metadata_adapter).metadata_files([]))


def extension_of(resource: MediaResource, image_format: ImageFormat) -> str:
    """Return the extension a file has after conversion; what is no image keeps its own."""
    if is_converted(resource, image_format):
        return ENCODINGS[image_format].extension
    return resource.extension


def is_converted(resource: MediaResource, image_format: ImageFormat) -> bool:
    """Tell whether a file is converted; else its bytes go through as they are."""
    return resource.resource_type == ResourceType.IMAGE and image_format in ENCODINGS


def _with_numbers(
    entries: Iterable[ExportEntry], template: Template, today: date
) -> list[dict[str, Value]]:
    """Add what the export itself knows: place, version and, where it is asked for, the day."""
    day: dict[str, Value] = {"date": today} if "date" in template.wildcards else {}
    versions: Counter[tuple[tuple[str, Value], ...]] = Counter()
    known = []
    for index, entry in enumerate(entries, start=1):
        alike = tuple(sorted(entry.values.items()))
        versions[alike] += 1
        numbers = {"version": versions[alike], "index": index}
        known.append({**entry.values, **numbers, **day})
    return known
