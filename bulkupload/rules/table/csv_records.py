"""Reading the rows of a CSV one by one, so that a broken row does not affect the others.

The csv module decides where a row ends. If a quote is never closed, it would read the rest of the
file as one cell. In this case the row is cut after the line in which that cell begins, and counts
as broken; the lines after it are put back and read as rows of their own. In those lines every quote
was doubled, or it would have closed the cell. So none of them leaves another quote open, and no
line is read more than a few times, whatever the file.

In most tables each line is a row. `Records.take_plain_lines` reads many such lines with one call,
which takes half the time; where one of them is not a whole row, the rows are read one by one.
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

csv.field_size_limit(MAX_LINE_LENGTH)  # MAX_CELL_LENGTH is checked once the cell is read

READ_LENGTH: Final = 64 * 1024  # characters
PLAIN_BATCH_SIZE: Final = 500  # lines; if one of them is not a whole row, all are read twice
_ENDS = ("\r", "\n")
_MISPLACED: Final = "expected after"  # the csv module's error for text after a closing quote


class Record(NamedTuple):
    """A row, with the line and the byte where it starts.

    A row whose cells cannot be separated has its whole text as one cell.
    """

    line: int
    start: int
    cells: list[str]
    error: RowError | None = None


class CutLine(str):
    """The beginning of a line that is too long; the rest, `skipped_bytes` long, was skipped."""

    __slots__ = ("skipped_bytes",)
    skipped_bytes: int

    @classmethod
    def of(cls, text: str, skipped_bytes: int) -> Self:
        """Return the beginning of a line."""
        line = cls(text)
        line.skipped_bytes = skipped_bytes
        return line


class _LineTooLongError(Exception):
    """Raised inside the reader when a line or a row is too long."""


class PlainLines(NamedTuple):
    """Lines that are one row each, some perhaps blank, with the position of the first."""

    line: int
    start: int
    rows: list[list[str]]


class Lines:
    """The physical lines of a text opened with `newline=""`, cut at the maximum length."""

    def __init__(
        self, stream: TextIO, size_of: Callable[[str], int], *, read_length: int = READ_LENGTH
    ) -> None:
        self._stream = stream
        self._size_of = size_of
        self._read_length = read_length
        self._put_back: deque[str] = deque()
        self._buffer: list[str] = []
        self._next = 0  # index in the buffer

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._put_back:
            return self._put_back.popleft()
        if self._next == len(self._buffer):
            self._fill()
        if not self._buffer:
            raise StopIteration
        line = self._buffer[self._next]
        self._next += 1
        return line

    def take(self, limit: int) -> list[str]:
        """Return from one to `limit` of the next lines, none at the end."""
        if self._put_back:
            return [self._put_back.popleft() for _ in range(min(limit, len(self._put_back)))]
        if self._next == len(self._buffer):
            self._fill()
        lines = self._buffer[self._next : self._next + limit]
        self._next += len(lines)
        return lines

    def put_back(self, lines: Sequence[str]) -> None:
        """Put lines back, to be read again."""
        self._put_back.extendleft(reversed(lines))

    def _fill(self) -> None:
        text = self._stream.read(self._read_length)
        tail = self._stream.readline(MAX_LINE_LENGTH)  # of the last line, or the LF after a CR
        self._buffer, self._next = list(io.StringIO(text + tail, newline="")), 0
        if len(text) + len(tail) < MAX_LINE_LENGTH:
            return
        self._buffer = [self._bounded(line) for line in self._buffer]
        last = self._buffer[-1]
        if isinstance(last, CutLine) and len(tail) == MAX_LINE_LENGTH and not tail.endswith(_ENDS):
            last.skipped_bytes += self._skip_line()

    def _bounded(self, line: str) -> str:
        if len(line) < MAX_LINE_LENGTH or (len(line) == MAX_LINE_LENGTH and line.endswith(_ENDS)):
            return line
        return CutLine.of(line[:MAX_LINE_LENGTH], self._size_of(line[MAX_LINE_LENGTH:]))

    def _skip_line(self) -> int:
        """Read to the end of a line; return the number of bytes."""
        skipped = 0
        while part := self._stream.readline(MAX_LINE_LENGTH):
            skipped += self._size_of(part)
            if part.endswith(_ENDS):
                break
        return skipped


class Records:
    """The rows of a table; `offset` and `line` are the position of the next one in its file.

    `by_record` counts each row as one line, even if it has several, as a spreadsheet does.
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
        # Possessive quantifiers: without backtracking the time is linear in any file.
        self._cell = re.compile(
            rf'(?: *+"(?:[^"]++|"")*+"|(?:[^"{end}\r\n][^{end}\r\n]*+)?+){end}',
        )
        self._spaces_after_quote = re.compile(
            rf'( *+"(?:[^"]++|"")*+") ++(?=[{end}\r\n]|$)|([^{end}\r\n]*+)'
        )
        # The lines that the csv reader took for the current row. `_feed` appends them while the
        # reader asks for more; they are removed once `offset` and `line` have moved past them.
        self._row_lines: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        """Yield every row that is not blank."""
        reader = self._reader()
        row_lines, size_of = self._row_lines, self._size_of
        while True:
            line, start = self.line, self.offset
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _LineTooLongError) as error:
                reason = str(error)
                yield self._repair(line, start, reason) or self._take_broken(line, start, reason)
                reader = self._reader()
                continue
            if len(row_lines) == 1 and len(row_lines[0]) <= MAX_CELL_LENGTH:
                # Nearly every row: the same as `_advance`, without the call.
                self.offset = start + size_of(row_lines.pop())
                self.line = line + 1
            else:
                text = "".join(row_lines).rstrip("\r\n")
                self._advance()
                if max(map(len, cells), default=0) > MAX_CELL_LENGTH:
                    yield Record(line, start, [text], shape_error("cell_too_long", text))
                    continue
            if not is_blank(cells):
                yield Record(line, start, cells)

    def take_plain_lines(self, limit: int) -> PlainLines | None:
        """Take up to `limit` of the next lines if each of them is a whole row.

        Returns None, and takes nothing, if one of them is not. Returns no rows at the end.
        """
        lines = self._lines.take(min(limit, PLAIN_BATCH_SIZE))
        rows = self._parse_plain(lines)
        if rows is None:
            self._lines.put_back(lines)
            return None
        plain = PlainLines(self.line, self.offset, rows)
        self.line += len(lines)
        self.offset += self._size_of("".join(lines))
        return plain

    def _parse_plain(self, lines: list[str]) -> list[list[str]] | None:
        if max(map(len, lines), default=0) > MAX_CELL_LENGTH:  # or cut
            return None
        try:
            rows = list(self._parse(lines))
        except csv.Error:
            return None
        return rows if len(rows) == len(lines) else None

    def _reader(self) -> Iterator[list[str]]:
        return self._parse(self._feed())

    def _parse(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Parse rows, ignoring spaces before a quote; `_repair` handles those after one."""
        return csv.reader(lines, delimiter=self._delimiter, strict=True, skipinitialspace=True)

    def _feed(self) -> Iterator[str]:
        """Yield lines to the csv reader and collect those of the current row."""
        row_lines = self._row_lines
        length = 0  # of a row of several lines
        for line in self._lines:
            length = length + len(line) if row_lines else len(line)
            row_lines.append(line)
            if length > MAX_LINE_LENGTH or type(line) is CutLine:
                raise _LineTooLongError
            yield line

    def _advance(self) -> None:
        """Move `offset` and `line` past the lines of the row, and forget them."""
        for line in self._row_lines:
            self.offset += self._size_of(line)
            if type(line) is CutLine:
                self.offset += line.skipped_bytes
        self.line += 1 if self._by_record else len(self._row_lines)
        self._row_lines.clear()

    def _repair(self, line: int, start: int, reason: str) -> Record | None:
        """Return the row if it fails only because of spaces after a closing quote."""
        if _MISPLACED not in reason:
            return None
        text = self._spaces_after_quote.sub(r"\1\2", "".join(self._row_lines))
        try:
            rows = list(self._parse(io.StringIO(text, newline="")))
        except csv.Error:
            return None
        if len(rows) != 1 or max(map(len, rows[0])) > MAX_CELL_LENGTH:
            return None
        self._advance()
        return Record(line, start, rows[0])

    def _take_broken(self, line: int, start: int, reason: str) -> Record:
        """Return the lines of a broken row, and put the lines after it back."""
        code = _error_code(self._row_lines, reason)
        count = self._count_broken_lines()
        self._lines.put_back(self._row_lines[count:])
        del self._row_lines[count:]
        text = "".join(self._row_lines).rstrip("\r\n")
        self._advance()
        return Record(line, start, [text], shape_error(code, text))

    def _count_broken_lines(self) -> int:
        """Return the number of lines up to the one where the unclosed cell begins."""
        text, at = "".join(self._row_lines), 0
        while match := self._cell.match(text, at):
            at = match.end()
        lines = 1
        at -= len(self._row_lines[0])
        while at >= 0 and lines < len(self._row_lines):
            at -= len(self._row_lines[lines])
            lines += 1
        return lines


def is_blank(cells: list[str]) -> bool:
    """Whether all cells of a row are empty or blank: such a row is ignored."""
    return not (cells and (cells[0].strip() or any(map(str.strip, cells))))


def _error_code(lines: Sequence[str], reason: str) -> RowShapeCode:
    is_single_line = len(lines) == 1
    if not reason and (is_single_line or type(lines[-1]) is not CutLine):
        return "row_too_long"
    if is_single_line and _MISPLACED in reason:
        return "quote_misplaced"
    return "quote_not_closed"
