"""The file names of one export are safe and distinct for any templates and values."""

import re
import unicodedata
from datetime import date
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.errors import TemplateError
from exports.models import ExportConfiguration, ImageFormat
from exports.rules import names
from exports.rules.adapters.registry import ADAPTERS
from exports.rules.templates import compile_template
from exports.rules.wildcards import WILDCARDS
from exports.services.naming import ExportEntry, NamedEntry, name_entries
from exports.tests.rules.strategies import templates
from media.models import MediaResource
from media.rules.file_types.content_types import FILE_TYPES

TODAY: Final = date(2026, 1, 31)
HOSTILE: Final = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            *("../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "C:\\x", "CON", "aux.txt"),
            *("a\x00b", "a\r\nb", "\u202egpj.exe", ".", "..", " ", "\ud800", "x" * 5000),
            *("metadata", "manifest", "{brand}", "{0.__class__}", "%s", "Straße", "STRASSE"),
        ]
    ),
)
TEXTS: Final = [
    name for name, wildcard in WILDCARDS.items() if not wildcard.is_number and not wildcard.is_date
]
VALUES: Final = st.dictionaries(st.sampled_from(TEXTS), HOSTILE, max_size=4)
RESOURCES: Final = st.sampled_from(list(FILE_TYPES.values())).map(
    lambda kind: MediaResource(
        resource_type=kind.resource_type,
        content_type=kind.content_type,
        extension=kind.extension,
    )
)
ENTRIES: Final = st.lists(
    st.builds(ExportEntry, resource=RESOURCES, values=VALUES), min_size=1, max_size=12
)
CONFIGURATIONS: Final = st.builds(
    ExportConfiguration,
    metadata_adapter=st.sampled_from(sorted(ADAPTERS)),
    image_format=st.sampled_from(list(ImageFormat)),
    naming_convention_template=st.one_of(st.none(), templates()),
)
DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)


def names_of(entries: list[ExportEntry], configuration: ExportConfiguration) -> list[NamedEntry]:
    return name_entries(entries, configuration=configuration, today=TODAY)


@pytest.mark.covers("T46", "T47")
@given(entries=ENTRIES, configuration=CONFIGURATIONS)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_names_are_distinct_and_safe_for_any_template_and_values(
    entries: list[ExportEntry], configuration: ExportConfiguration
) -> None:
    named_entries = names_of(entries, configuration)

    body = [entry.name for entry in named_entries]
    folded_names = {unicodedata.normalize("NFC", name).casefold() for name in body}
    assert len(folded_names) == len(entries)
    for name in body:
        assert 1 <= len(name) <= names.MAX_NAME_LENGTH
        assert all(names.is_allowed(character) for character in name)
        assert name == unicodedata.normalize("NFC", name) == name.strip(" .")
        assert not DEVICE.fullmatch(name)
    reserved_names = {"manifest.json", *ADAPTERS[configuration.metadata_adapter].metadata_files([])}
    assert folded_names.isdisjoint(reserved_names)


@pytest.mark.covers("T47")
@given(entries=ENTRIES, configuration=CONFIGURATIONS)
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
def test_the_same_entries_get_the_same_names(
    entries: list[ExportEntry], configuration: ExportConfiguration
) -> None:
    assert names_of(entries, configuration) == names_of(entries, configuration)


@pytest.mark.covers("T47")
def test_equal_names_get_the_documented_suffix() -> None:
    configuration = ExportConfiguration(naming_convention_template="{brand}")
    image = MediaResource(resource_type="IMAGE", extension="png")
    entries = [
        ExportEntry(resource=image, values={"brand": brand}) for brand in ("Us", "US", "Us_2", "us")
    ]

    assert [entry.name for entry in names_of(entries, configuration)] == [
        "Us.webp",
        "US_3.webp",
        "Us_2.webp",
        "us_4.webp",
    ]


@pytest.mark.covers("T46")
@pytest.mark.parametrize(
    "text",
    [
        *("{brand.__class__}", "{brand[0]}", "{brand!r}", "{version:>2000000}", "{unknown}"),
        *("{}", "{0}", "{brand", "brand}", "../{brand}", "{brand}/x", "a\x00b", "a\nb"),
    ],
)
def test_a_template_with_code_or_paths_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as excinfo:
        compile_template(text)

    assert set(excinfo.value.ctx) == {"token", "position"}


def test_versions_number_files_with_equal_values() -> None:
    configuration = ExportConfiguration()
    values: list[dict[str, Any]] = [
        {"product_sku": "A", "shot_type": "image"},
        {"product_sku": "B", "shot_type": "image"},
        {"product_sku": "A", "shot_type": "image"},
        {"product_sku": "A", "shot_type": "cover"},
    ]
    image = MediaResource(id=UUID(int=1), resource_type="IMAGE", extension="png")

    entries = names_of(
        [ExportEntry(resource=image, values=entry_values) for entry_values in values],
        configuration,
    )

    assert [entry.values["version"] for entry in entries] == [1, 1, 2, 1]
    assert [entry.values["index"] for entry in entries] == [1, 2, 3, 4]
