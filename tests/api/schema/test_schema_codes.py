"""The schema, the documentation and the code have the same lists of error codes."""

import re
from typing import Any, Final

import pytest

from bulkupload.codes import FAILURE_CODES, ROW_ERROR_CODES
from bulkupload.rules.photos.failures import CODES as PHOTO_CODES
from exports.codes import FILE_FAILURE_CODES, RUN_FAILURE_CODES
from exports.errors import ConversionError
from media.rules.failures import CODES as MEDIA_CODES
from media.storage.remote_fetch import RemoteFault
from sartiq.core.api import issue_codes
from sartiq.core.management.commands.check_openapi import document
from sartiq.settings.environment import CHECKOUT

PROPERTIES: Final = {
    ("MediaFailurePublic", "code"): "MediaFailureCode",
    ("MediaResourcePublic", "failure_code"): "MediaFailureCode",
    ("FailurePublic", "code"): "BulkUploadFailureCode",
    ("RowErrorPublic", "code"): "RowErrorCode",
    ("PhotoFailurePublic", "code"): "PhotoFailureCode",
    ("RunFaultPublic", "code"): "ExportFailureCode",
    ("RunFailurePublic", "code"): "ExportFileFailureCode",
    ("ValidationError", "type"): "ValidationErrorType",
}
ENUMS: Final = {
    "MediaFailureCode": MEDIA_CODES,
    "BulkUploadFailureCode": FAILURE_CODES,
    "RowErrorCode": ROW_ERROR_CODES,
    "PhotoFailureCode": PHOTO_CODES,
    "ExportFailureCode": RUN_FAILURE_CODES,
    "ExportFileFailureCode": FILE_FAILURE_CODES,
}
ROW_TABLES: Final = ("table warning", "row warning", "row error", "image warning")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = document()["components"]["schemas"]
    return schemas


def documented_codes(page: str, heading: str) -> set[str]:
    """Return the codes in the first column of a table of a documentation page."""
    text = (CHECKOUT / "docs" / page).read_text(encoding="utf-8")
    _, table, rest = text.partition(f"| {heading} | meaning |\n")
    assert table, heading
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    return {code for row in rows for code in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.parametrize("property_path", PROPERTIES, ids=".".join)
def test_every_code_refers_to_its_enum(
    schemas: dict[str, Any], property_path: tuple[str, str]
) -> None:
    schema, name = property_path

    assert f"#/components/schemas/{PROPERTIES[property_path]}" in str(
        schemas[schema]["properties"][name]
    )


def test_every_property_with_codes_has_an_enum(schemas: dict[str, Any]) -> None:
    codes = {
        (name, key)
        for name, schema in schemas.items()
        for key in schema.get("properties", {})
        if name.endswith("Public") and re.fullmatch("(.+_)?code", key)
    }

    assert codes - {("MetadataAdapterPublic", "code")} == {
        property_path for property_path in PROPERTIES if property_path[1] != "type"
    }


@pytest.mark.parametrize("name", ENUMS)
def test_enums_are_the_sets_of_the_code(schemas: dict[str, Any], name: str) -> None:
    assert schemas[name]["enum"] == list(ENUMS[name])


def test_pages_list_the_codes_of_exports() -> None:
    assert documented_codes("errors.md", "`ExportFailureCode`") == set(RUN_FAILURE_CODES)
    assert documented_codes("errors.md", "`ExportFileFailureCode`") == set(FILE_FAILURE_CODES)


def test_pages_list_the_codes_of_photos() -> None:
    listed_codes = documented_codes("errors.md", "`PhotoFailureCode`")

    assert listed_codes <= set(PHOTO_CODES)
    assert set(PHOTO_CODES) - listed_codes <= set(MEDIA_CODES)


def test_pages_list_the_codes_of_bulk_uploads() -> None:
    page = "design/bulk-upload.md"
    row_codes = {code for table in ROW_TABLES for code in documented_codes(page, table)}

    assert documented_codes(page, "job failure") == set(FAILURE_CODES)
    assert row_codes <= set(ROW_ERROR_CODES)
    assert set(ROW_ERROR_CODES) - row_codes <= set(MEDIA_CODES)


def test_pages_list_the_codes_of_media() -> None:
    later_codes = {
        *("source_missing", "store_unavailable", "attempts_exhausted"),
        *("object_missing", "object_changed"),
    }

    assert set(MEDIA_CODES) - issue_codes.CODES == later_codes


def test_codes_of_images_are_codes_of_rows() -> None:
    assert {*RemoteFault, *MEDIA_CODES} <= set(ROW_ERROR_CODES)


def test_every_conversion_error_is_a_code_of_a_file() -> None:
    kinds = [ConversionError, *ConversionError.__subclasses__()]

    assert {kind.code for kind in kinds} <= set(FILE_FAILURE_CODES)
