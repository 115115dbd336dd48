"""The text that a sheet shows for a number, as in LibreOffice, ECMA-376 and Excel."""

import pytest

from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.formats import NumberFormat

DIGITS = [
    ('"M-"000', 7, "M-007"),
    ("\\W\\-000", 7, "W-007"),
    ('"M-"000', -7, "-M-007"),
    ("00000", 412, "00412"),
    ("00000", 123456, "123456"),
    ("0" * 28, 123, "123".zfill(28)),
    ("0", 2.5, "3"),
    ("0", -0.4, "0"),
    ("0", 1e20, "100000000000000000000"),
    ("0.00", 1.005, "1.01"),
    ("0.00", 2.675, "2.68"),
    (".00", 0.5, ".50"),
    (".00", 12.5, "12.50"),
    ("0.0##", 1.25, "1.25"),
    ("#.0#", 0.5, ".5"),
    ("0.##", 7, "7."),
    ("?0.0?", 1.5, " 1.5 "),
    ("#", 0, ""),
    ("0%", 1, "100%"),
    ("0.00%", 0.12345, "12.35%"),
    ("#,##0", 1234567, "1,234,567"),
    ("#,##0.00", -1234.5, "-1,234.50"),
    ("000,000", 1234, "001,234"),
    ("#,###", 0, ""),
    ("0.0,", 1234.5, "1.2"),
    ('0.0,,"M"', 12345678, "12.3M"),
    ("#,##0,", 1234567, "1,235"),
    ("000-0000", 1234567, "123-4567"),
    ("###-####", 1234, "-1234"),
    ("0-00-00", 12345, "1-23-45"),
    ('0"x"0', 12, "1x2"),
    ("#0' 00''", 4105, "41' 05''"),
    ('00"/"00', 1234, "12/34"),
    ("0.00E+00", 123456, "1.23E+05"),
    ("0.00E+00", 0, "0.00E+00"),
    ("0.0E-0", 0.000123, "1.2E-4"),
    ("0.0E-0", 12300, "1.2E4"),
    ("0.0E+0", 99.99, "1.0E+2"),
    ("##0.0E+0", 12345, "12.3E+3"),
]
FRACTIONS = [
    ("# ?/?", 0.125, " 1/8"),
    ("# ?/?", 1.5, "1 1/2"),
    ("# ?/?", 2, "2 "),
    ("# ?/?", 0.999, "1 "),
    ("# ??/??", 3.14159, "3 14/99"),
    ("?/?", 1.5, "3/2"),
    ("# ?/8", 1.3, "1 2/8"),
    ("# ??/100", 0.25, " 25/100"),
    ("0 0/16", 1, "1 0/16"),
    ("00/00", 0.5, "01/02"),
]
SECTIONS = [
    ("0;(0)", -5, "(5)"),
    ('0;(0);"none"', 0, "none"),
    ("0;;", -5, ""),
    (";;;", 5, ""),
    ("[Red]0;[Color 3]-0", -5, "-5"),
    ("[<1000]0;#,##0", 12345, "12,345"),
    ("[<1000]0;#,##0", 12, "12"),
    ("[<=9999999]###-####;(###) ###-####", 5551234, "555-1234"),
    ("[<=9999999]###-####;(###) ###-####", 2125551234, "(212) 555-1234"),
    ('[<0]"minus "0;0', -5, "minus 5"),
    ('[>=1000]0.0,"K";[>=100]"c"0;0', 150, "c150"),
    ("[$-409]0.0", 12.5, "12.5"),
    ("[$€-407] #,##0.00", 1234.5, "€ 1,234.50"),
    ("[$€-2]0", 3, "€3"),
    ("[$USD] 0", 3, "USD 3"),
    ("$#,##0_);($#,##0)", -3, "($3)"),
    ('0" kg"', 3, "3 kg"),
    ('"only words"', 3, "only words"),
    ('General" kg"', -3.5, "-3.5 kg"),
    ("@", 5, "5"),
    ('_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)', 0, "  - "),
    ("0;@", 5, "5"),
    (";@", -5, ""),
]
GENERAL = [
    (0.1 + 0.2, "0.3"),
    (1 / 3, "0.333333333"),
    (1.2345678912, "1.234567891"),
    (1234567.891234, "1234567.891"),
    (123456789012, "123456789012"),
    (1e-5, "0.00001"),
    (1.2345e-7, "1.2345E-07"),
    (0.00012345678, "0.000123457"),
    (1e15, "1E+15"),
    (1234567890123456, "1.23457E+15"),
    (-12.5, "-12.5"),
]
DATES = [
    ("yyyy-mm-dd", 45000, "2023-03-15"),
    ("d-mmm-yy", 45000, "15-Mar-23"),
    ("dddd, d. mmmm yyyy", 45000, "Wednesday, 15. March 2023"),
    ("ddd mmmmm", 45000, "Wed M"),
    ("yyyy-mm-dd hh:mm", 44927.75, "2023-01-01 18:00"),
    ("m/d/yy h:mm AM/PM", 44927.75, "1/1/23 6:00 PM"),
    ("h:mm A/P", 0.5, "12:00 P"),
    ("h:mm", 0, "0:00"),
    ("hh:mm:ss.000", 0.1234567, "02:57:46.659"),
    ("mm:ss", 0.0125, "18:00"),
    ("[h]:mm:ss", 1.5, "36:00:00"),
    ("[mm]:ss", 0.5, "720:00"),
    ("h:mm:ss", 0.9999999, "0:00:00"),
    ("yyyy-mm-dd", 60, "1900-02-29"),
    ("yyyy-mm-dd", 1, "1900-01-01"),
    ("[$-409]mmmm d, yyyy;@", 45000, "March 15, 2023"),
    ("[$-EN-GB]d mmmm yyyy", 45000, "15 March 2023"),
    ("[$-407]dd.mm.yyyy", 45000, "15.03.2023"),
    ("[$-de-DE]dd.mm.yyyy", 45000, "15.03.2023"),
    ('"W"d', 45000, "W15"),
]
UNDETERMINED = [
    ("*-0", 7),  # the number of hyphens depends on the column's width
    ("M-000", 7),  # a month together with digits
    ("[DBNum1]0", 7),
    ("[$-F800]dddd", 7),
    ("[$-F400]h:mm:ss AM/PM", 7),
    ("0" * 256, 7),
    ("[$-407]mmmm", 7),  # German month names are not supported
    ("[$-de-DE]mmmm", 7),
    ("[$-x-sysdate]dddd", 7),
    ("[$-2000401]0", 7),  # Arabic digits
    ("ggge", 7),
    ("0.0.0", 7),
    ("WW", 7),
    ("0;0;0;0;0", 7),
    ("yyyy-mm-dd", -1),
    ("yyyy-mm-dd", 3_000_000),
    ("[<1000]0;#,##0", -5),  # whether the minus is shown differs between programs
    ('[<5]"a";"b";"c"', 7),
    ('[<5]"a";[>9]"b"', 7),
]


@pytest.mark.parametrize(("code", "number", "shown"), [*DIGITS, *FRACTIONS, *SECTIONS, *DATES])
def test_a_number_is_shown_by_its_format(code: str, number: float, shown: str) -> None:
    assert NumberFormat(code).show(number) == shown


@pytest.mark.parametrize(("number", "shown"), GENERAL)
def test_general_shows_eleven_characters_but_whole_numbers_below_1e15_in_full(
    number: float, shown: str
) -> None:
    assert NumberFormat("General").show(number) == shown


@pytest.mark.parametrize(("code", "number"), UNDETERMINED)
def test_a_format_that_depends_on_the_program_raises_an_error(code: str, number: float) -> None:
    with pytest.raises(UndeterminedFormatError):
        NumberFormat(code).show(number)


def test_the_1904_date_system_is_supported() -> None:
    assert NumberFormat("yyyy-mm-dd", is_1904=True).show(0) == "1904-01-01"


@pytest.mark.parametrize(
    ("code", "shown"), [("0", "x"), ('0;-0;0;"<"@">"', "<x>"), (";;;", ""), ("@", "x")]
)
def test_text_is_shown_by_the_section_for_text(code: str, shown: str) -> None:
    assert NumberFormat(code).show_text("x") == shown


@pytest.mark.parametrize(("code", "number"), [("yyyy", 1), ("[h]", 1), ("0;h", -1), ("AM/PM", 1)])
def test_a_number_is_a_date_if_its_section_has_date_codes(code: str, number: float) -> None:
    assert NumberFormat(code).is_date(number)


@pytest.mark.parametrize(("code", "number"), [("0", 1), ("0;yyyy", 1), ('"day"0', 1)])
def test_a_number_is_not_a_date(code: str, number: float) -> None:
    assert not NumberFormat(code).is_date(number)
