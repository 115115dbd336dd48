"""The child that reads a workbook: `workbook_child.py SOURCE TARGET MEMORY SECONDS SIZE`.

Run as a script, bounded by the kernel, because a sheet may claim any size.
"""

import csv
import datetime as dt
import resource
import sys
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from bulkupload.services.workbook_marks import COLUMNS, Marks, find_marks

EXACT = 1e15  # beyond it a float is no longer every whole number, nor does Excel show one
SHOWN_DIGITS = 15  # of a fraction; what a formula leaves behind them, nobody sees
LINE_END = "\r\n"


def text_of(value: Any) -> str:
    """Return a cell as a person reads it in the sheet."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if abs(value) >= EXACT:
            return f"{value:.14E}"
        return str(int(value)) if value.is_integer() else f"{value:.{SHOWN_DIGITS}g}"
    if isinstance(value, dt.datetime):
        is_day = value.time() == dt.time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    return str(value)


def first_shown(book: CalamineWorkbook) -> int:
    """Return the place of the first sheet of cells a person sees, else of the very first."""
    for at, sheet in enumerate(book.sheets_metadata):
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return at
    return 0


def rows_of(sheet: CalamineSheet, marks: Marks) -> Iterator[list[str]]:
    """Yield the rows as text, from row 1 on; more than calamine's where only marks follow.

    Marks above the first row that says something, the header, or beside all columns fill no field.
    """
    left, width = (sheet.start or (0, 0))[1], sheet.width
    places = deque(sorted(marks))
    height = places[-1] // COLUMNS + 1 if places and width else 0
    begun = False
    for number, (row, _) in enumerate(zip_longest(sheet.iter_rows(), range(height))):
        values = row or [""] * width
        cells = [text_of(value) for value in values]
        begun = begun or any(cells)
        while places and places[0] // COLUMNS == number:
            place = places.popleft()
            at = place % COLUMNS - left
            if begun and 0 <= at < width:
                cells[at] = _marked(values[at], cells[at], marks[place])
        yield cells


def _marked(value: Any, text: str, mark: str | int) -> str:
    if isinstance(mark, str):
        return text or mark
    return text.zfill(mark) if isinstance(value, int | float) and text.isdigit() else text


def main(source: str, target: str, memory: str, seconds: str, size: str) -> None:
    """Convert the first sheet shown; a row stays the row of its number, so empty ones are kept."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    # A long text that many cells share unpacks once and is written each time.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    book = load_workbook(source)
    at = first_shown(book)
    marks = find_marks(source, at)
    sheet = book.get_sheet_by_index(at)
    with Path(target).open("w", encoding="utf-8", newline="") as out:
        # The csv module quotes a line break only where it is part of its own line end, hence both.
        writer = csv.writer(out, lineterminator=LINE_END)
        for cells in rows_of(sheet, marks):
            if any(cells):
                writer.writerow(cells)
            else:
                out.write(LINE_END)


if __name__ == "__main__":
    main(*sys.argv[1:])
