"""Reading the rows of a CSV one by one, so that a broken row does not affect the others.

The csv module decides what a row is. Where it fails (an unclosed quote would swallow the rest of
the file), the lines up to the one whose cell has no end are a broken row, and reading continues
with the next line. The lines given back lie within that one cell, so none of them opens a quote
that it leaves open: each line is read a bounded number of times in any file.

In most tables each line is a row. Many such lines are read with one call (`Records.plain`), which
takes half the time; where one of them is not a whole row, the rows are read one by one.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Self, TextIO

from bulkupload.codes import RowShapeCode
from bulkupload.rules.limits import MAX_CELL_LENGTH, MAX_LINE_LENGTH
from bulkupload.rules.rows.row_shape_errors import RowError, shape_error

csv.field_size_limit(MAX_LINE_LENGTH)  # the limit of a cell is checked when its end is known

READ_AT_ONCE: Final = 64 * 1024  # characters
PLAIN_LINES: Final = 500  # read at once; if one is not plain, they are read twice
_ENDS = ("\r", "\n")
_MISPLACED: Final = "expected after"  # how the csv module reports what follows a closing quote


class Record(NamedTuple):
    """One row: where it begins, and its cells, or its error and its text as one cell."""

    line: int
    start: int
    cells: list[str]
    error: RowError | None = None


class CutLine(str):
    """A line too long to be read; `rest` is how many bytes of it were skipped."""

    __slots__ = ("rest",)
    rest: int

    @classmethod
    def of(cls, text: str, rest: int) -> Self:
        """Return the beginning of a line."""
        line = cls(text)
        line.rest = rest
        return line


class _LineTooLongError(Exception):
    """Raised inside the reader when a line is cut."""


class PlainLines(NamedTuple):
    """Lines that are one whole row each, perhaps a blank one, with the position of the first."""

    line: int
    start: int
    rows: list[list[str]]


class Lines:
    """The physical lines of a text opened with `newline=""`, cut at the maximum length."""

    def __init__(
        self, stream: TextIO, size_of: Callable[[str], int], *, at_once: int = READ_AT_ONCE
    ) -> None:
        self._stream = stream
        self._size_of = size_of
        self._at_once = at_once
        self._returned: deque[str] = deque()
        self._held: list[str] = []
        self._at = 0  # of the next one held

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._returned:
            return self._returned.popleft()
        if self._at == len(self._held):
            self._fill()
        if not self._held:
            raise StopIteration
        line = self._held[self._at]
        self._at += 1
        return line

    def some(self, most: int) -> list[str]:
        """Return the next lines, one to `most` of them; none at the end."""
        if self._returned:
            return [self._returned.popleft() for _ in range(min(most, len(self._returned)))]
        if self._at == len(self._held):
            self._fill()
        lines = self._held[self._at : self._at + most]
        self._at += len(lines)
        return lines

    def give_back(self, lines: Sequence[str]) -> None:
        """Return lines to the front, to be read again."""
        self._returned.extendleft(reversed(lines))

    def _fill(self) -> None:
        text = self._stream.read(self._at_once)
        tail = self._stream.readline(MAX_LINE_LENGTH)  # of the last line, or the LF behind a CR
        self._held, self._at = list(io.StringIO(text + tail, newline="")), 0
        if len(text) + len(tail) < MAX_LINE_LENGTH:
            return
        self._held = [self._bounded(line) for line in self._held]
        last = self._held[-1]
        if isinstance(last, CutLine) and len(tail) == MAX_LINE_LENGTH and not tail.endswith(_ENDS):
            last.rest += self._skip()

    def _bounded(self, line: str) -> str:
        if len(line) < MAX_LINE_LENGTH or (len(line) == MAX_LINE_LENGTH and line.endswith(_ENDS)):
            return line
        return CutLine.of(line[:MAX_LINE_LENGTH], self._size_of(line[MAX_LINE_LENGTH:]))

    def _skip(self) -> int:
        """Read to the end of a line; return the number of bytes."""
        skipped = 0
        while part := self._stream.readline(MAX_LINE_LENGTH):
            skipped += self._size_of(part)
            if part.endswith(_ENDS):
                break
        return skipped


class Records:
    """The rows of a table, of which the first begins at byte `offset` and line `line` of its file.

    After each row `offset` and `line` are where the next one begins. `by_record` counts each row as
    one line, even if it has several, as a spreadsheet does.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        delimiter: str,
        size_of: Callable[[str], int],
        offset: int = 0,
        line: int = 1,
        by_record: bool = False,
    ) -> None:
        self.offset = offset
        self.line = line
        self._lines = lines
        self._delimiter = delimiter
        self._size_of = size_of
        self._by_record = by_record
        end = re.escape(delimiter)
        # Possessive: a cell is matched in one way or not at all.
        self._cell = re.compile(
            rf'(?: *+"(?:[^"]++|"")*+"|(?:[^"{end}\r\n][^{end}\r\n]*+)?+){end}',
        )
        self._blanks_after_quote = re.compile(
            rf'( *+"(?:[^"]++|"")*+") ++(?=[{end}\r\n]|$)|([^{end}\r\n]*+)'
        )
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        """Yield every row that is not blank."""
        reader = self._reader()
        taken, size_of = self._taken, self._size_of
        while True:
            line, start = self.line, self.offset
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _LineTooLongError) as error:
                yield self._repaired(line, start, str(error)) or self._broken(
                    line, start, str(error)
                )
                reader = self._reader()
                continue
            if len(taken) == 1 and len(taken[0]) <= MAX_CELL_LENGTH:  # nearly every row
                self.offset = start + size_of(taken.pop())
                self.line = line + 1
            else:
                text = "".join(taken).rstrip("\r\n")
                self._advance()
                if max(map(len, cells), default=0) > MAX_CELL_LENGTH:
                    yield Record(line, start, [text], shape_error("cell_too_long", text))
                    continue
            if not is_blank(cells):
                yield Record(line, start, cells)

    def plain(self, most: int) -> PlainLines | None:
        """Take up to `most` of the next lines if each of them is a whole row.

        Returns None, and takes nothing, if one of them is not. Returns no rows at the end.
        """
        lines = self._lines.some(min(most, PLAIN_LINES))
        rows = self._rows_of(lines)
        if rows is None:
            self._lines.give_back(lines)
            return None
        plain = PlainLines(self.line, self.offset, rows)
        self.line += len(lines)
        self.offset += self._size_of("".join(lines))
        return plain

    def _rows_of(self, lines: list[str]) -> list[list[str]] | None:
        if max(map(len, lines), default=0) > MAX_CELL_LENGTH:  # or cut
            return None
        try:
            rows = list(self._cells_of(lines))
        except csv.Error:
            return None
        return rows if len(rows) == len(lines) else None

    def _reader(self) -> Iterator[list[str]]:
        return self._cells_of(self._feed())

    def _cells_of(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Read cells, without blanks before a quote (for those after one see `_repaired`)."""
        return csv.reader(lines, delimiter=self._delimiter, strict=True, skipinitialspace=True)

    def _feed(self) -> Iterator[str]:
        taken = self._taken
        length = 0  # of a row that goes over several lines
        for line in self._lines:
            length = length + len(line) if taken else len(line)
            taken.append(line)
            if length > MAX_LINE_LENGTH or type(line) is CutLine:
                raise _LineTooLongError
            yield line

    def _advance(self) -> None:
        """Move `offset` and `line` past the lines that were taken."""
        for line in self._taken:
            self.offset += self._size_of(line)
            if type(line) is CutLine:
                self.offset += line.rest
        self.line += 1 if self._by_record else len(self._taken)
        self._taken.clear()

    def _repaired(self, line: int, start: int, reason: str) -> Record | None:
        """Return a row that fails only for blanks after a closing quote."""
        if _MISPLACED not in reason:
            return None
        text = self._blanks_after_quote.sub(r"\1\2", "".join(self._taken))
        try:
            rows = list(self._cells_of(io.StringIO(text, newline="")))
        except csv.Error:
            return None
        if len(rows) != 1 or max(map(len, rows[0])) > MAX_CELL_LENGTH:
            return None
        self._advance()
        return Record(line, start, rows[0])

    def _broken(self, line: int, start: int, reason: str) -> Record:
        """Take the lines up to the broken one and give the others back."""
        code = _code_of(self._taken, reason)
        broken = self._count_broken_lines()
        self._lines.give_back(self._taken[broken:])
        del self._taken[broken:]
        text = "".join(self._taken).rstrip("\r\n")
        self._advance()
        return Record(line, start, [text], shape_error(code, text))

    def _count_broken_lines(self) -> int:
        """Return the number of lines up to the beginning of the cell that has no end."""
        text, at = "".join(self._taken), 0
        while match := self._cell.match(text, at):
            at = match.end()
        lines = 1
        at -= len(self._taken[0])
        while at >= 0 and lines < len(self._taken):
            at -= len(self._taken[lines])
            lines += 1
        return lines


def is_blank(cells: list[str]) -> bool:
    """Whether all cells of a row are empty or blank: such a row is ignored."""
    return not (cells and (cells[0].strip() or any(map(str.strip, cells))))


def _code_of(taken: Sequence[str], reason: str) -> RowShapeCode:
    alone = len(taken) == 1
    if not reason and (alone or type(taken[-1]) is not CutLine):
        return "row_too_long"
    if alone and _MISPLACED in reason:
        return "quote_misplaced"
    return "quote_not_closed"
