"""Checking an uploader's mapping of columns to fields."""

from typing import Final

from bulkupload.errors import BadMappingError
from bulkupload.rules.rows.columns import FIELDS
from bulkupload.rules.rows.row_shape_errors import storable

MAX_MAPPING_FIELDS: Final = 100
NOT_A_MAPPING: Final = f"Must be an object with at most {MAX_MAPPING_FIELDS} columns."


def read_mapping(value: object) -> dict[str, str | None]:
    """Return a mapping by normalized column names, or raise BadMappingError."""
    if not isinstance(value, dict) or len(value) > MAX_MAPPING_FIELDS:
        raise BadMappingError("object_type", NOT_A_MAPPING)
    if any(field is not None and field not in FIELDS for field in value.values()):
        raise BadMappingError("enum", f"Supported fields: {', '.join(FIELDS)}.")
    if any(storable(name) != name for name in value):
        raise BadMappingError("string_characters", "A key contains a NUL or a lone surrogate.")
    fields = {name.strip(): field for name, field in value.items()}  # headers are stripped too
    if len(fields) != len(value):
        raise BadMappingError("duplicate", "Two keys name the same column.")
    used = [field for field in fields.values() if field]
    if len(used) != len(set(used)):
        raise BadMappingError("duplicate", "Two columns map to the same field.")
    return fields
