"""The `type` codes of 422 responses, and the mapping of DRF's codes to them.

`docs/errors.md` lists them for API clients; a test compares both.
"""

CODES: frozenset[str] = frozenset(
    {
        # shape of the request
        "json_invalid",
        "missing",
        "null_not_allowed",
        "object_type",
        "list_type",
        "string_type",
        "int_parsing",
        "float_parsing",
        "bool_parsing",
        "uuid_parsing",
        "datetime_parsing",
        "string_empty",
        "string_too_long",
        "string_characters",
        "too_small",
        "too_large",
        "too_many",
        "too_few",
        "enum",
        "email",
        "slug",
        "unknown_parameter",
        "repeated_parameter",
        "value_error",
        "password",
        "duplicate",
        "not_found",
        "idempotency_key",
        "idempotency_key_reused",
        # files
        "content_type_not_allowed",
        "content_type_mismatch",
        "file_name",
        "file_not_found",
        "file_too_large",
        "file_too_small",
        "file_empty",
        "file_truncated",
        "file_corrupt",
        "image_too_large",
        "image_too_many_scans",
        "image_undecodable",
        "decode_limit",
        "archive_rejected",
        "source_changed",
        "request_too_large",
        "size_conflict",
        "image_required",
        # exports
        "template_invalid",
        "template_not_customizable",
        "adapter_not_available",
        "not_a_table",
    }
)

FROM_DRF: dict[str, str] = {
    "required": "missing",
    "null": "null_not_allowed",
    "blank": "string_empty",
    "empty": "too_few",
    "max_length": "string_too_long",
    "max_value": "too_large",
    "min_value": "too_small",
    "max_string_length": "string_too_long",
    "invalid_choice": "enum",
    "not_a_list": "list_type",
    "not_a_dict": "object_type",
    "does_not_exist": "not_found",
    "incorrect_type": "uuid_parsing",
    "null_characters_not_allowed": "string_characters",
    "surrogate_characters_not_allowed": "string_characters",
    "date": "datetime_parsing",
    "make_aware": "datetime_parsing",
    "overflow": "datetime_parsing",
    "parse_error": "json_invalid",
    "max_digits": "too_large",
    "password_too_short": "password",
    "password_too_common": "password",
    "password_too_similar": "password",
    "password_entirely_numeric": "password",
}


def from_drf(code: str) -> str:
    """Return our code for one of DRF's, `value_error` if there is none."""
    if code in CODES:
        return code
    return FROM_DRF.get(code, "value_error")
