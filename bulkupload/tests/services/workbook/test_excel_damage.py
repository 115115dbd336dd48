"""Values that a spreadsheet damaged are refused, similar ones are not."""

import pytest

from accounts.models import User
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts, stored_skus
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore


def test_an_sku_that_only_resembles_a_number_is_imported(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name\n12E3,Shoe\n1E+12,Boot\n1.2E12,Hat\n")

    assert row_counts(job) == RowCounts(created=1, failed=2)
    assert Product.objects.get(user=user).sku == "12E3"


@pytest.mark.parametrize(
    ("cell", "refused"),
    [
        *[(cell, True) for cell in ("#REF!", "#N/A", "#DIV/0!", "#NAME?", "#SPILL!")],
        *[(cell, True) for cell in ("#BEZUG!", "#NV", "#WERT!", "#ZAHL!", "#\u00dcBERLAUF!")],
        *[(cell, True) for cell in ("#VALEUR!", "#NOM?", "#\u00bfNOMBRE?", "#\u00a1REF!", "#N/D")],
        *[(cell, False) for cell in ("#FFF", "#AABBCC", "#1", "#NVIDIA", "# 5!", "#fff!", "NV")],
    ],
)
def test_errors_of_excel_are_refused_in_its_languages(
    private: MemoryStore, user: User, cell: str, *, refused: bool
) -> None:
    job = import_table(user, f"sku,name,color\nA,Shoe,{cell}\n")

    expected = [(1, 2, "color", "excel_damage")] if refused else []
    assert errors_of(job) == expected


@pytest.mark.parametrize(
    ("sku", "refused"),
    [
        *[(cell, True) for cell in ("1.2E+12", "1,2E+12", "1E+12", "1.23E-05", '"1,23E-05"')],
        *[
            (cell, False)
            for cell in ("12E3", "1E-05", "12E-05", "E-05", "1.2E", "1234567890123456")
        ],
        ("1234567890123450", True),
    ],
)
def test_numbers_in_scientific_notation_are_not_skus(
    private: MemoryStore, user: User, sku: str, *, refused: bool
) -> None:
    job = import_table(user, f"sku;name\n{sku};Shoe\n")

    assert [code for *_, code in errors_of(job)] == ["excel_damage"] * refused


def test_a_long_number_written_as_text_in_a_workbook_is_an_sku(
    private: MemoryStore, user: User
) -> None:
    import_table(user, workbook({1: ["sku", "name"], 2: ["1234567890123450", "Shoe"]}))

    assert stored_skus(user) == ["1234567890123450"]
