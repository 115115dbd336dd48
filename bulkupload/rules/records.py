"""Reading rows one by one, so that a broken one costs only itself.

The csv module says what a row is. Where it gives up (a quote nobody closes would swallow the rest
of the file) the lines up to the one whose cell has no end are the fault, and reading goes on with
the next line. The lines given back lie within that one cell, so none of them opens a quote that
it leaves open: each line is read a bounded number of times, whatever the file is like.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self, TextIO

from bulkupload.rules.faults import Fault, broken
from bulkupload.rules.limits import LONGEST_CELL, LONGEST_LINE

csv.field_size_limit(LONGEST_CELL)

_ENDS = ("\r", "\n")


class Record(NamedTuple):
    """One row: where it begins, and its cells, or its fault and its text as one cell."""

    line: int
    start: int
    cells: list[str]
    fault: Fault | None = None


class CutLine(str):
    """A line too long to be read; `rest` is how many bytes of it were skipped."""

    __slots__ = ("rest",)
    rest: int

    @classmethod
    def of(cls, text: str, rest: int) -> Self:
        """Return the beginning of a line."""
        made = cls(text)
        made.rest = rest
        return made


class _LineTooLongError(Exception):
    """Raised inside the reader when a line is cut."""


def lines_of(stream: TextIO, size_of: Callable[[str], int]) -> Iterator[str]:
    """Yield the physical lines of a text opened with `newline=""`, none longer than the limit."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(_ENDS):
            yield CutLine.of(line, _skip(stream, size_of))
        else:
            yield line


def _skip(stream: TextIO, size_of: Callable[[str], int]) -> int:
    skipped = 0
    while part := stream.readline(LONGEST_LINE):
        skipped += size_of(part)
        if part.endswith(_ENDS):
            break
    return skipped


class Records:
    """The rows of a table from `offset` on, which is byte `offset` and line `line` of its file.

    After each row `offset` and `line` tell where the next one begins. `by_record` counts a row as
    one line however many it takes: so a spreadsheet numbers them.
    """

    def __init__(
        self,
        lines: Iterator[str],
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
            rf'(?:"(?:[^"]++|"")*+"|(?:[^"{end}\r\n][^{end}\r\n]*+)?+){end}',
        )
        self._taken: list[str] = []
        self._ahead: deque[str] = deque()

    def __iter__(self) -> Iterator[Record]:
        """Yield every row that says something."""
        reader = self._reader()
        taken, size_of = self._taken, self._size_of
        while True:
            line, start = self.line, self.offset
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _LineTooLongError) as error:
                yield self._broken(line, start, str(error))
                reader = self._reader()
                continue
            if len(taken) == 1:  # nearly every row; a cut line is never one of them
                self.offset = start + size_of(taken.pop())
                self.line = line + 1
            else:
                self._settle()
            if cells and (cells[0].strip() or any(map(str.strip, cells))):
                yield Record(line, start, cells)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        taken, ahead, lines = self._taken, self._ahead, self._lines
        length = 0  # of a row that goes over several lines
        while True:
            line = ahead.popleft() if ahead else next(lines, None)
            if line is None:
                return
            length = length + len(line) if taken else len(line)
            taken.append(line)
            if length > LONGEST_LINE or type(line) is CutLine:
                raise _LineTooLongError
            yield line

    def _settle(self) -> None:
        for line in self._taken:
            self.offset += self._size_of(line)
            if type(line) is CutLine:
                self.offset += line.rest
        self.line += 1 if self._by_record else len(self._taken)
        self._taken.clear()

    def _broken(self, line: int, start: int, reason: str) -> Record:
        """Take the lines up to the one at fault and give the others back."""
        code = _code_of(self._taken, reason)
        lost = self._lost()
        self._ahead.extendleft(reversed(self._taken[lost:]))
        del self._taken[lost:]
        text = "".join(self._taken).rstrip("\r\n")
        self._settle()
        return Record(line, start, [text], broken(code, text))

    def _lost(self) -> int:
        """Return how many lines it takes to the beginning of the cell that has no end."""
        text, at = "".join(self._taken), 0
        while found := self._cell.match(text, at):
            at = found.end()
        lost = 1
        at -= len(self._taken[0])
        while at >= 0 and lost < len(self._taken):
            at -= len(self._taken[lost])
            lost += 1
        return lost


def _code_of(taken: Sequence[str], reason: str) -> str:
    alone = len(taken) == 1
    if not reason and (alone or type(taken[-1]) is not CutLine):
        return "row_too_long"
    if alone and "field limit" in reason:
        return "cell_too_long"
    if alone and "expected after" in reason:
        return "quote_misplaced"
    return "quote_not_closed"
