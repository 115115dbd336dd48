"""What a conversion says about the sheet it read, beside the rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bulkupload.codes import TableWarningCode

MAX_EXAMPLES: Final = 5
MAX_SHOWN: Final = 60  # characters of a cell that a sentence repeats


class SheetWarning(NamedTuple):
    """One thing an uploader should know, with the line where it begins."""

    code: TableWarningCode
    message: str
    line: int


@dataclass(kw_only=True)
class SheetReport:
    """Where the table of a workbook was found, and what was not imported as it stood there."""

    sheet: str = ""
    line: int = 0
    header: list[str] = field(default_factory=list)
    other_sheets: list[str] = field(default_factory=list)
    hidden: int = 0
    hidden_lines: list[int] = field(default_factory=list)
    outside: int = 0
    outside_cells: list[tuple[str, str]] = field(default_factory=list)

    def add_hidden(self, line: int) -> None:
        """Count a row that is hidden or filtered out."""
        self.hidden += 1
        if len(self.hidden_lines) < MAX_EXAMPLES:
            self.hidden_lines.append(line)

    def add_outside(self, reference: str, text: str) -> None:
        """Count a cell that stands under no column of the table."""
        self.outside += 1
        if len(self.outside_cells) < MAX_EXAMPLES:
            self.outside_cells.append((reference, _short(text)))

    @property
    def place(self) -> str:
        """Where the header was looked for and what is there, as a sentence."""
        names = " | ".join(map(_short, self.header[:MAX_EXAMPLES]))
        return f'Read from sheet "{self.sheet}", line {self.line}: {names}'

    def warnings(self) -> list[SheetWarning]:
        """Return what the uploader should know."""
        found: list[SheetWarning] = []
        if self.hidden:
            lines = _lines(self.hidden_lines, self.hidden)
            message = f"Hidden or filtered rows were imported ({self.hidden:,}): {lines}."
            found.append(SheetWarning("hidden_rows", message, self.hidden_lines[0]))
        if self.outside:
            cells = _listed((f'{at} "{text}"' for at, text in self.outside_cells), self.outside)
            message = f"Cells beside the table were not imported ({self.outside:,}): {cells}."
            line = int("".join(filter(str.isdigit, self.outside_cells[0][0])))
            found.append(SheetWarning("cells_outside_table", message, line))
        if self.other_sheets:
            names = _listed((f'"{name}"' for name in self.other_sheets), len(self.other_sheets))
            message = (
                f'Only sheet "{self.sheet}" was imported. Send the others separately: {names}.'
            )
            found.append(SheetWarning("other_sheets", message, self.line))
        return found


def header_place(line: int, names: list[str]) -> str:
    """Return what stands in the line that was taken for the header, as a sentence."""
    return f"Line {line} reads: {' | '.join(map(_short, names[:MAX_EXAMPLES]))}"


def header_warnings(lines: list[int]) -> list[SheetWarning]:
    """Return that rows which repeat the header were left out, as joined files have them."""
    if not lines:
        return []
    message = f"The header is repeated and was skipped in {_lines(lines, len(lines))}."
    return [SheetWarning("repeated_header", message, lines[0])]


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _lines(examples: Iterable[int], total: int) -> str:
    return ("line " if total == 1 else "lines ") + _listed(map(str, examples), total)


def _listed(examples: Iterable[str], total: int) -> str:
    shown = list(examples)[:MAX_EXAMPLES]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
