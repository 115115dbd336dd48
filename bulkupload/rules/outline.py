"""Splitting a table into chunks: one pass, in the memory of one chunk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TextIO

from bulkupload.errors import FileFaultError
from bulkupload.rules.cleaning import by_handle, counted_of, is_too_long
from bulkupload.rules.dialects import Dialect
from bulkupload.rules.formulas import restore
from bulkupload.rules.header import HeaderColumn, Layout, Mapped, read_header
from bulkupload.rules.limits import LARGEST_CHUNK, LARGEST_GROUP, LARGEST_HANDLE, MIB, MOST_ROWS
from bulkupload.rules.records import PLAIN_LINES, Lines, Plain, Record, Records, is_blank
from bulkupload.rules.repeats import SeenSkus

_NOTE, _NOTE_CELLS = "sep=", 2  # Excel's own line about the delimiter, split by it
LARGEST_PIECE = MIB  # bytes of rows that are looked at together
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
            Lines(stream, size_of),
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
        self._chunk = _Chunk()

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
        """Close a chunk before the piece that would make it too long."""
        pieces = self._pieces(layout) if layout.handle is None else _groups(rows, layout)
        for piece in pieces:
            chunk = self._chunk
            too_long = chunk.rows + piece.rows > self._chunk_rows
            if chunk.rows and (too_long or piece.start - chunk.start > LARGEST_CHUNK):
                self._close(end=piece.start)
            self._chunk.take(piece)
        if self._chunk.rows:
            self._close(end=self._records.offset)

    def _pieces(self, layout: Layout) -> Iterator["_Piece"]:
        """Yield plain lines together; where there are others, the rest of a chunk row by row."""
        while True:
            room = self._chunk_rows - self._chunk.rows or self._chunk_rows
            plain = self._records.plain(room)
            if plain is None:
                yield from self._others(room, layout)
            elif plain.rows:
                yield _plain_piece(plain, layout)
            else:
                return

    def _others(self, left: int, layout: Layout) -> Iterator["_Piece"]:
        """Yield so many rows, read one by one: where one is not plain, others are not either."""
        while left and (some := self._some_rows(left)):
            left -= len(some)
            yield _piece_of(some, some[0], layout)

    def _some_rows(self, most: int) -> list[Record]:
        """Return the next rows that say something, at most `most`, and few where they are long."""
        some: list[Record] = []
        for row in islice(self._records, min(most, PLAIN_LINES)):
            some.append(row)
            if row.start - some[0].start > LARGEST_PIECE:
                break
        return some

    def _close(self, *, end: int) -> None:
        self._watch()
        chunk = self._chunk
        skus = chunk.skus - {""}
        for sku in filter(str.isdigit, skus):
            self._widths.note(sku)
        part = Part(
            start=chunk.start,
            length=end - chunk.start,
            first_line=chunk.line,
            first_row=self._total + 1,
            rows=chunk.rows,
            repeated=self._seen.repeated(skus),
        )
        self._parts.append(part)
        self._total += chunk.rows
        self._chunk = _Chunk()
        if self._total > MOST_ROWS:
            message = f"The table has more than {MOST_ROWS:,} rows. Split it."
            raise FileFaultError("too_many_rows", message, line=chunk.line)


class _Piece(NamedTuple):
    """What stays in one chunk: where it begins, how many rows count, and their SKUs."""

    start: int
    line: int
    rows: int
    skus: list[str]


@dataclass
class _Chunk:
    """The chunk that is being filled."""

    start: int = 0
    line: int = 0
    rows: int = 0
    skus: set[str] = field(default_factory=set)

    def take(self, piece: _Piece) -> None:
        if not self.rows:  # what came before are blank lines
            self.start, self.line = piece.start, piece.line
        self.rows += piece.rows
        self.skus.update(piece.skus)


def _groups(rows: Iterator[Record], layout: Layout) -> Iterator[_Piece]:
    """Yield the rows of each handle, which must stay in one chunk."""
    for group in by_handle(rows, layout):
        if is_too_long(group):
            most, size = f"{LARGEST_GROUP:,} rows", f"{LARGEST_HANDLE // MIB} MiB"
            message = f"One handle has more than {most} or {size}. Check the Handle column."
            raise FileFaultError("handle_too_long", message, line=group[0].line)
        yield _piece_of(counted_of(group, layout), group[0], layout)


def _piece_of(counted: list[Record], first: Record, layout: Layout) -> _Piece:
    skus = _skus((row.cells for row in counted if row.fault is None), layout)
    return _Piece(first.start, first.line, len(counted), skus)


def _plain_piece(plain: Plain, layout: Layout) -> _Piece:
    skus = _skus(plain.rows, layout)
    blank = sum(not sku and is_blank(row) for sku, row in zip(skus, plain.rows, strict=True))
    return _Piece(plain.start, plain.line, len(plain.rows) - blank, skus)


def _skus(rows: Iterable[list[str]], layout: Layout) -> list[str]:
    """Return the SKU of each row, empty where there is none."""
    at = layout.place_of("sku")
    skus = [cells[at].strip() if len(cells) > at else "" for cells in rows]
    return skus if layout.errors_at is None else [restore(sku) for sku in skus]


def _header_of(rows: Iterator[Record]) -> Record:
    """Return the first row that is no note about the delimiter."""
    for row in rows:
        if row.fault is not None:
            raise FileFaultError("no_header", f"The header: {row.fault.message}", line=row.line)
        if not (len(row.cells) == _NOTE_CELLS and row.cells[0].strip().lower() == _NOTE):
            return row
    raise FileFaultError(
        "no_header",
        "The table is empty: its first row must name the columns. "
        "Hidden sheets of a workbook are not read.",
    )
