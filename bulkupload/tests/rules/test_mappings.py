"""The user's mapping of columns to fields."""

import pytest

from bulkupload.errors import BadMappingError
from bulkupload.rules.table.mappings import MAX_MAPPING_FIELDS, read_mapping


def test_the_names_in_a_mapping_are_stripped() -> None:
    mapping = read_mapping({" Article no. ": "sku", "\tLabel": "name", "Shelf": None})

    assert mapping == {"Article no.": "sku", "Label": "name", "Shelf": None}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "object_type"),
        ([], "object_type"),
        ("sku", "object_type"),
        (dict.fromkeys(map(str, range(MAX_MAPPING_FIELDS + 1))), "object_type"),
        ({"a": "size"}, "enum"),
        ({"a": ["sku"]}, "enum"),
        ({"a": {}}, "enum"),
        ({"a": True}, "enum"),
        ({"a\x00": "sku"}, "string_characters"),
        ({"a\ud800": "sku"}, "string_characters"),
        ({"a": "sku", "a ": "name"}, "duplicate"),
        ({"a": "sku", "b": "sku"}, "duplicate"),
    ],
)
def test_an_invalid_mapping_raises_an_error_with_a_code(value: object, code: str) -> None:
    with pytest.raises(BadMappingError) as excinfo:
        read_mapping(value)

    assert excinfo.value.code == code
