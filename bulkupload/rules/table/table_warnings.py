"""Warnings about a table as a whole: its sheet, header and encoding."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bulkupload.codes import TableWarningCode
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.encodings import CONFIDENT, LABELS

MAX_EXAMPLES: Final = 5
MAX_QUOTED_LENGTH: Final = 60  # characters of a cell in a message


class TableWarning(NamedTuple):
    """One warning, with the first line it is about."""

    code: TableWarningCode
    message: str
    line: int


@dataclass(kw_only=True)
class SheetReport:
    """The position of the table in a workbook, and what the user should check in it."""

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
        """Count a cell outside the columns of the table."""
        self.outside += 1
        if len(self.outside_cells) < MAX_EXAMPLES:
            self.outside_cells.append((reference, _short(text)))

    @property
    def header_description(self) -> str:
        """The sheet and the line that were read as the header, for a message."""
        names = " | ".join(map(_short, self.header[:MAX_EXAMPLES]))
        return f'Read from sheet "{self.sheet}", line {self.line}: {names}'

    def warnings(self) -> list[TableWarning]:
        """Return the warnings about the sheet."""
        warnings: list[TableWarning] = []
        if self.hidden:
            lines = _lines(self.hidden_lines, self.hidden)
            message = f"Hidden or filtered rows were imported ({self.hidden:,}): {lines}."
            warnings.append(TableWarning("hidden_rows", message, self.hidden_lines[0]))
        if self.outside:
            cells = _listed((f'{at} "{text}"' for at, text in self.outside_cells), self.outside)
            message = f"Cells outside the table were not imported ({self.outside:,}): {cells}."
            line = int("".join(filter(str.isdigit, self.outside_cells[0][0])))
            warnings.append(TableWarning("cells_outside_table", message, line))
        if self.other_sheets:
            names = _listed((f'"{name}"' for name in self.other_sheets), len(self.other_sheets))
            message = (
                f'Only sheet "{self.sheet}" was imported. Send the others separately: {names}.'
            )
            warnings.append(TableWarning("other_sheets", message, self.line))
        return warnings


def describe_header(line: int, names: list[str]) -> str:
    """Return the contents of the line that was read as the header, for a message."""
    return f"Line {line} reads: {' | '.join(map(_short, names[:MAX_EXAMPLES]))}"


def header_warnings(lines: list[int]) -> list[TableWarning]:
    """Return the warning that repeated headers were skipped, if there are any."""
    if not lines:
        return []
    message = f"The header is repeated in {_lines(lines, len(lines))} and was skipped there."
    return [TableWarning("repeated_header", message, lines[0])]


def encoding_warnings(dialect: Dialect) -> list[TableWarning]:
    """Return the warning that the encoding was guessed, if it was."""
    if dialect.confidence >= CONFIDENT:
        return []
    message = (
        f"The file is not UTF-8; it was read as {LABELS[dialect.encoding]}. If letters are wrong, "
        "save it as UTF-8, or send it again with its encoding, such as encoding=windows-1252."
    )
    return [TableWarning("encoding_guessed", message, 1)]


def _short(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"


def _lines(examples: Iterable[int], total: int) -> str:
    return ("line " if total == 1 else "lines ") + _listed(map(str, examples), total)


def _listed(examples: Iterable[str], total: int) -> str:
    shown = list(examples)[:MAX_EXAMPLES]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
