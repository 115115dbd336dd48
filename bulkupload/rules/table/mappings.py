"""The check of an uploader's mapping of columns to fields."""

from typing import Final

from bulkupload.errors import BadMappingError
from bulkupload.rules.rows.columns import FIELDS
from bulkupload.rules.rows.row_shape_errors import storable

MAX_MAPPING_FIELDS: Final = 100
TOO_LONG: Final = f"Must be an object of at most {MAX_MAPPING_FIELDS} columns."


def read_mapping(value: object) -> dict[str, str | None]:
    """Return a mapping by normalized column names, or raise BadMappingError."""
    if not isinstance(value, dict) or len(value) > MAX_MAPPING_FIELDS:
        raise BadMappingError("object_type", TOO_LONG)
    if any(wanted is not None and wanted not in FIELDS for wanted in value.values()):
        raise BadMappingError("enum", f"Fields are: {', '.join(FIELDS)}.")
    if any(storable(name) != name for name in value):
        raise BadMappingError("string_characters", "A key contains NUL or half a character.")
    fields = {name.strip(): wanted for name, wanted in value.items()}  # as headers are stripped
    if len(fields) != len(value):
        raise BadMappingError("duplicate", "Two keys name one column.")
    used = [wanted for wanted in fields.values() if wanted]
    if len(used) != len(set(used)):
        raise BadMappingError("duplicate", "Two columns bring one field.")
    return fields
