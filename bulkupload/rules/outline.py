"""Splitting a table into chunks: one pass, in the memory of one chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TextIO

from bulkupload.errors import FileFaultError
from bulkupload.rules.cleaning import by_handle, counted_of, is_too_long
from bulkupload.rules.dialects import Dialect
from bulkupload.rules.formulas import restore
from bulkupload.rules.header import HeaderColumn, Layout, Mapped, read_header
from bulkupload.rules.limits import LARGEST_CHUNK, LARGEST_GROUP, LARGEST_HANDLE, MIB, MOST_ROWS
from bulkupload.rules.records import Record, Records, lines_of
from bulkupload.rules.repeats import SeenSkus

_NOTE, _NOTE_CELLS = "sep=", 2  # Excel's own line about the delimiter, split by it
_SHORTEST_ZEROS = 4  # digits; shorter numbers say nothing about leading zeros


@dataclass(frozen=True, kw_only=True)
class Part:
    """One chunk to be: a range of bytes, the line and the row it begins with."""

    start: int
    length: int
    first_line: int
    first_row: int
    rows: int
    repeated: list[str]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a table holds and how it is split."""

    columns: list[HeaderColumn]
    parts: list[Part]
    total_rows: int
    sku_width: int | None


@dataclass
class _SkuWidths:
    """Whether all numeric SKUs of a file have the same number of digits, zeros in front."""

    with_zeros: set[int] = field(default_factory=set)
    longest: int = 0

    def note(self, sku: str) -> None:
        if sku[0] == "0":
            self.with_zeros.add(len(sku))
        self.longest = max(self.longest, len(sku))

    @property
    def common(self) -> int | None:
        """The one width, where numbers with fewer digits must have lost zeros."""
        widths = self.with_zeros
        if len(widths) != 1 or self.longest not in widths or self.longest < _SHORTEST_ZEROS:
            return None
        return self.longest


class Outliner:
    """Makes the outline of one table of `size` bytes, opened as text behind its byte order mark."""

    def __init__(
        self,
        stream: TextIO,
        dialect: Dialect,
        *,
        mapping: Mapped,
        chunk_rows: int,
        size: int,
        watch: Callable[[], None],
    ) -> None:
        size_of = dialect.size_of()
        self._records = Records(
            lines_of(stream, size_of),
            delimiter=dialect.delimiter,
            size_of=size_of,
            offset=dialect.bom,
            by_record=dialect.format == "xlsx",
        )
        self._mapping = mapping
        self._chunk_rows = chunk_rows
        self._watch = watch
        self._seen = SeenSkus(table_size=size)
        self._widths = _SkuWidths()
        self._parts: list[Part] = []
        self._total = 0

    def make(self) -> Outline:
        """Read the table; raises FileFaultError when it is none of ours."""
        rows = iter(self._records)
        header = _header_of(rows)
        columns = read_header(header.cells, mapping=self._mapping, line=header.line)
        layout = Layout.of(columns)
        self._split(rows, layout)
        return Outline(
            columns=columns,
            parts=self._parts,
            total_rows=self._total,
            sku_width=self._widths.common,
        )

    def _split(self, rows: Iterator[Record], layout: Layout) -> None:
        """Close a chunk before the group that would make it too long."""
        if layout.handle is None:
            self._split_rows(rows, layout)
            return
        chunk = _Chunk()
        for group in _groups(rows, layout):
            counted = counted_of(group, layout)
            begins = group[0]
            too_long = len(chunk.rows) + len(counted) > self._chunk_rows
            if chunk.rows and (too_long or begins.start - chunk.start > LARGEST_CHUNK):
                self._close(chunk, layout, end=begins.start)
                chunk = _Chunk()
            if chunk.start < 0:
                chunk.start, chunk.line = begins.start, begins.line
            chunk.rows += counted
        if chunk.rows:
            self._close(chunk, layout, end=self._records.offset)

    def _split_rows(self, rows: Iterator[Record], layout: Layout) -> None:
        """Close a chunk before the row that would make it too long; most tables have no groups."""
        most = self._chunk_rows
        first = next(rows, None)
        while first is not None:
            held, farthest = [first], first.start + LARGEST_CHUNK
            following = None
            for row in rows:
                if len(held) == most or row.start > farthest:
                    following = row
                    break
                held.append(row)
            end = self._records.offset if following is None else following.start
            self._close(_Chunk(first.start, first.line, held), layout, end=end)
            first = following

    def _skus(self, rows: list[Record], layout: Layout) -> set[str]:
        at = layout.place_of("sku")
        cells = [
            cells[at].strip() for _, _, cells, fault in rows if fault is None and len(cells) > at
        ]
        skus = set(cells if layout.errors_at is None else map(restore, cells))
        skus.discard("")
        for sku in filter(str.isdigit, skus):
            self._widths.note(sku)
        return skus

    def _close(self, chunk: "_Chunk", layout: Layout, *, end: int) -> None:
        self._watch()
        part = Part(
            start=chunk.start,
            length=end - chunk.start,
            first_line=chunk.line,
            first_row=self._total + 1,
            rows=len(chunk.rows),
            repeated=self._seen.repeated(self._skus(chunk.rows, layout)),
        )
        self._parts.append(part)
        self._total += len(chunk.rows)
        if self._total > MOST_ROWS:
            message = f"The table has more than {MOST_ROWS:,} rows. Split it."
            raise FileFaultError("too_many_rows", message, line=chunk.line)


@dataclass
class _Chunk:
    """The chunk that is being filled."""

    start: int = -1
    line: int = 0
    rows: list[Record] = field(default_factory=list)


def _groups(rows: Iterator[Record], layout: Layout) -> Iterator[list[Record]]:
    """Yield the rows that must stay in one chunk."""
    for group in by_handle(rows, layout):
        if is_too_long(group):
            most, size = f"{LARGEST_GROUP:,} rows", f"{LARGEST_HANDLE // MIB} MiB"
            message = f"One handle has more than {most} or {size}. Check the Handle column."
            raise FileFaultError("handle_too_long", message, line=group[0].line)
        yield group


def _header_of(rows: Iterator[Record]) -> Record:
    """Return the first row that is no note about the delimiter."""
    for row in rows:
        if row.fault is not None:
            raise FileFaultError("no_header", f"The header: {row.fault.message}", line=row.line)
        if not (len(row.cells) == _NOTE_CELLS and row.cells[0].strip().lower() == _NOTE):
            return row
    raise FileFaultError("no_header", "The table is empty: its first row must name the columns.")
