"""Names and metadata values of the files of an export."""

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
    """One file to export, with its values by wildcard name."""

    resource: MediaResource
    values: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class NamedEntry:
    """One file with its final name and all its values."""

    position: int
    resource: MediaResource
    name: str
    values: dict[str, Value]

    @property
    def stored_values(self) -> dict[str, Any]:
        """Return the values in JSON types: a date becomes ISO text."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in self.values.items()
        }


def name_entries(
    entries: Sequence[ExportEntry], *, configuration: ExportConfiguration, today: date
) -> list[NamedEntry]:
    """Return every file with its final name; all names are different.

    Raises NothingToExportError for no entries and TooManyFilesError for more than MAX_FILES.
    """
    if not entries:
        raise NothingToExportError
    if len(entries) > MAX_FILES:
        raise TooManyFilesError(ctx={"limit": MAX_FILES})
    template = template_of(configuration)
    numbered = _with_numbers(entries, template, today)
    image_format = ImageFormat(configuration.image_format)
    stems_and_extensions = [
        (template.render(values), extension_of(entry.resource, image_format))
        for entry, values in zip(entries, numbered, strict=True)
    ]
    final_names = names.distinct(
        stems_and_extensions, taken=[*metadata_names(configuration), MANIFEST]
    )
    return [
        NamedEntry(position=position, resource=entry.resource, name=name, values=values)
        for position, (entry, name, values) in enumerate(
            zip(entries, final_names, numbered, strict=True), start=1
        )
    ]


def metadata_names(configuration: ExportConfiguration) -> list[str]:
    """Return the names of the files the adapter writes."""
    return list(adapter_by_code(configuration.metadata_adapter).metadata_files([]))


def extension_of(resource: MediaResource, image_format: ImageFormat) -> str:
    """Return the extension after conversion; a file that is not converted keeps its own."""
    if is_converted(resource, image_format):
        return ENCODINGS[image_format].extension
    return resource.extension


def is_converted(resource: MediaResource, image_format: ImageFormat) -> bool:
    """Return whether a file is converted; otherwise its bytes are copied."""
    return resource.resource_type == ResourceType.IMAGE and image_format in ENCODINGS


def _with_numbers(
    entries: Iterable[ExportEntry], template: Template, today: date
) -> list[dict[str, Value]]:
    """Add the export's own values: index, version and, if the template uses it, the date."""
    date_value: dict[str, Value] = {"date": today} if "date" in template.wildcards else {}
    versions: Counter[tuple[tuple[str, Value], ...]] = Counter()
    numbered = []
    for index, entry in enumerate(entries, start=1):
        key = tuple(sorted(entry.values.items()))  # files with equal values are versions
        versions[key] += 1
        numbers = {"version": versions[key], "index": index}
        numbered.append({**entry.values, **numbers, **date_value})
    return numbered
