"""Workbooks as spreadsheet programs save them, written with the standard library only."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from bulkupload.services.workbook.cells import reference_of


class Raw(NamedTuple):
    """A cell in the file: its content and its attributes except the reference."""

    body: str
    attributes: str = ""


Cell = str | float | Raw | None
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


Rows = dict[int, list[Cell]]


def workbook(
    rows: Rows, formats: Sequence[str] = (), *, others: Mapping[str, Rows] | None = None
) -> bytes:
    """Return a workbook whose first sheet has these cells, by row number.

    A cell whose attribute `s` is 1 has the first of the number formats, and so on. `others` are the
    other sheets, by their names.
    """
    names = ["Products", *(others or {})]
    sheets = {
        f"xl/worksheets/sheet{number}.xml": _sheet(sheet_rows)
        for number, sheet_rows in enumerate([rows, *(others or {}).values()], 1)
    }
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(names) + 1)
    )
    sheet_elements = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, 1)
    )
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": _link("officeDocument", "xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        f"<sheets>{sheet_elements}</sheets></workbook>",
        **sheets,
        "xl/styles.xml": _styles(formats),
    }
    return _zip({name: DECLARATION + text for name, text in parts.items()})


def _sheet(rows: Rows) -> str:
    cells = "".join(
        f'<row r="{number}">'
        f"{''.join(_cell(cell, column, number) for column, cell in enumerate(row))}</row>"
        for number, row in rows.items()
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def with_replacements(book: bytes, *replacements: tuple[str, str]) -> bytes:
    """Return a workbook with texts replaced in all its parts and in the names of the parts."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for old, new in replacements:
        parts = {name.replace(old, new): text.replace(old, new) for name, text in parts.items()}
    return _zip(parts)


def with_part(book: bytes, name: str, text: str) -> bytes:
    """Return a workbook with another part."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    return _zip(parts | {name: DECLARATION + text})


def _zip(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _styles(formats: Sequence[str]) -> str:
    codes = "".join(
        f'<numFmt numFmtId="{number}" formatCode={quoteattr(code)}/>'
        for number, code in enumerate(formats, 164)
    )
    style_elements = "".join(
        f'<xf numFmtId="{number}"/>' for number in range(164, 164 + len(formats))
    )
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{codes}</numFmts>'
        f'<cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>'
        f'<cellXfs><xf numFmtId="0"/>{style_elements}</cellXfs></styleSheet>'
    )


def _link(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="rId1" Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def _cell(value: Cell, column: int, row: int) -> str:
    position = f'r="{reference_of(row, column)}"'
    if value is None:
        return ""
    if isinstance(value, Raw):
        return f"<c {position} {value.attributes}>{value.body}</c>"
    if isinstance(value, str):
        text = f'<t xml:space="preserve">{escape(value)}</t>'
        return f'<c {position} t="inlineStr"><is>{text}</is></c>'
    return f"<c {position}><v>{value}</v></c>"
