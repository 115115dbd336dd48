"""Splitting a table into chunks: one pass, in the memory of one chunk."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple, TextIO

from bulkupload.errors import FileFaultError
from bulkupload.rules.limits import MAX_CHUNK_BYTES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_ROWS, MIB
from bulkupload.rules.rows.cleaning import by_handle, counted_of, is_too_long, without_headers
from bulkupload.rules.rows.columns import spelled_sku
from bulkupload.rules.rows.formulas import restore
from bulkupload.rules.rows.repeated_skus import SeenSkus
from bulkupload.rules.table.csv_records import PLAIN_LINES, Lines, Plain, Record, Records, is_blank
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.header import HeaderColumn, Layout, Mapped, read_header
from bulkupload.rules.table.table_position import header_among

_NOTE, _NOTE_CELLS = "sep=", 2  # Excel's own line about the delimiter, split by it
MAX_PIECE_BYTES = MIB  # bytes of rows that are looked at together
UNKNOWN_LINE = 0
MAX_LINES_KEPT = 50_000
_MIN_ZERO_PADDED_DIGITS = 4  # digits; shorter numbers say nothing about leading zeros


@dataclass(frozen=True, kw_only=True)
class ChunkRange:
    """One chunk to be: a range of bytes, the line and the row it begins with."""

    start: int
    length: int
    first_line: int
    first_row: int
    rows: int
    repeated: dict[str, int]  # SKUs that came before, each with the line it first stands in


@dataclass(frozen=True, kw_only=True)
class ChunkPlan:
    """What a table holds and how it is split."""

    columns: list[HeaderColumn]
    parts: list[ChunkRange]
    total_rows: int
    sku_width: int | None
    header_lines: list[int]


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
        if len(widths) != 1 or self.longest not in widths or self.longest < _MIN_ZERO_PADDED_DIGITS:
            return None
        return self.longest


class ChunkPlanner:
    """Makes the plan of one table of `size` bytes, opened as text behind its byte order mark.

    `skip` rows stand above the header.
    """

    def __init__(
        self,
        stream: TextIO,
        dialect: Dialect,
        *,
        mapping: Mapped,
        chunk_rows: int,
        size: int,
        watch: Callable[[], None],
        skip: int = 0,
    ) -> None:
        self._records = records_of(stream, dialect)
        self._skip = skip
        self._mapping = mapping
        self._chunk_rows = chunk_rows
        self._watch = watch
        self._seen = SeenSkus(table_size=size)
        self._widths = _SkuWidths()
        self._parts: list[ChunkRange] = []
        self._total = 0
        self._header_lines: list[int] = []
        self._chunk = _Chunk()

    def make(self) -> ChunkPlan:
        """Read the table; raises FileFaultError when it is none of ours."""
        rows = iter(self._records)
        header = _header_of(islice(rows, self._skip, None))
        columns = read_header(header.cells, mapping=self._mapping, line=header.line)
        layout = Layout.of(columns)
        self._split(rows, layout)
        return ChunkPlan(
            columns=columns,
            parts=self._parts,
            total_rows=self._total,
            sku_width=self._widths.common,
            header_lines=self._header_lines,
        )

    def _split(self, rows: Iterator[Record], layout: Layout) -> None:
        """Close a chunk before the piece that would make it too long."""
        own = without_headers(rows, layout, self._header_lines)
        pieces = self._pieces(layout) if layout.handle is None else _groups(own, layout)
        for piece in pieces:
            chunk = self._chunk
            too_long = chunk.rows + piece.rows > self._chunk_rows
            if chunk.rows and (too_long or piece.start - chunk.start > MAX_CHUNK_BYTES):
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
                headers = _header_lines(plain, layout)
                self._header_lines.extend(headers)
                yield _plain_piece(plain, layout, headers)
            else:
                return

    def _others(self, left: int, layout: Layout) -> Iterator["_Piece"]:
        """Yield so many rows, read one by one: where one is not plain, others are not either."""
        while left and (some := self._some_rows(left)):
            left -= len(some)
            rows = list(without_headers(some, layout, self._header_lines))
            if rows:
                yield _piece_of(rows, rows[0], layout)

    def _some_rows(self, most: int) -> list[Record]:
        """Return the next rows that say something, at most `most`, and few where they are long."""
        some: list[Record] = []
        for row in islice(self._records, min(most, PLAIN_LINES)):
            some.append(row)
            if row.start - some[0].start > MAX_PIECE_BYTES:
                break
        return some

    def _close(self, *, end: int) -> None:
        self._watch()
        chunk = self._chunk
        skus = chunk.skus - {""}
        for sku in filter(str.isdigit, skus):
            self._widths.note(sku)
        part = ChunkRange(
            start=chunk.start,
            length=end - chunk.start,
            first_line=chunk.line,
            first_row=self._total + 1,
            rows=chunk.rows,
            repeated=dict.fromkeys(self._seen.repeated(skus), UNKNOWN_LINE),
        )
        self._parts.append(part)
        self._total += chunk.rows
        self._chunk = _Chunk()
        if self._total > MAX_ROWS:
            message = f"The table has more than {MAX_ROWS:,} rows. Split it."
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
            most, size = f"{MAX_GROUP_ROWS:,} rows", f"{MAX_GROUP_BYTES // MIB} MiB"
            message = f"One handle has more than {most} or {size}. Check the Handle column."
            raise FileFaultError("handle_too_long", message, line=group[0].line)
        yield _piece_of(counted_of(group, layout), group[0], layout)


def _piece_of(counted: list[Record], first: Record, layout: Layout) -> _Piece:
    skus = _skus((row.cells for row in counted if row.fault is None), layout)
    return _Piece(first.start, first.line, len(counted), skus)


def _header_lines(plain: Plain, layout: Layout) -> list[int]:
    """Return the lines that repeat the header."""
    starts = layout.header_starts
    return [
        line
        for line, cells in enumerate(plain.rows, plain.line)
        if cells and cells[0] in starts and layout.is_header(cells)
    ]


def _plain_piece(plain: Plain, layout: Layout, headers: list[int]) -> _Piece:
    rows = plain.rows
    if headers:
        repeated = set(headers)
        rows = [row for line, row in enumerate(rows, plain.line) if line not in repeated]
    skus = _skus(rows, layout)
    blank = sum(not sku and is_blank(row) for sku, row in zip(skus, rows, strict=True))
    return _Piece(plain.start, plain.line, len(rows) - blank, skus)


def _skus(rows: Iterable[list[str]], layout: Layout) -> list[str]:
    """Return the SKU of each row, empty where there is none."""
    at = layout.place_of("sku")
    skus = [cells[at] if len(cells) > at else "" for cells in rows]
    if layout.errors_at is not None:
        skus = [restore(sku) for sku in skus]
    return [*map(spelled_sku, skus)]


def records_of(stream: TextIO, dialect: Dialect) -> Records:
    """Return the rows of a table that was opened as text behind its byte order mark."""
    size_of = dialect.size_of()
    return Records(
        Lines(stream, size_of),
        delimiter=dialect.delimiter,
        size_of=size_of,
        offset=dialect.bom,
        by_record=dialect.format == "xlsx",
    )


def rows_above_header(records: Records, mapping: Mapped) -> int:
    """Return how many rows, such as a title, stand above the header of a table."""
    rows = ((at, row.cells) for at, row in enumerate(records) if not _is_note(row))
    header = header_among(rows, mapping)
    return header.line if header and header.fields else 0


def with_first_lines(
    parts: Sequence[ChunkRange], records: Records, layout: Layout
) -> list[ChunkRange]:
    """Return chunks whose repeated SKUs have the lines they first stand in.

    Reads the table once more. Only MAX_LINES_KEPT SKUs get their lines: of a table that repeats
    everything, more would take too much memory.
    """
    wanted = set(islice((sku for part in parts for sku in part.repeated), MAX_LINES_KEPT))
    lines = _first_lines(records, wanted, layout)
    return [
        replace(
            part,
            repeated={
                sku: line
                for sku in part.repeated
                if (line := lines.get(sku, UNKNOWN_LINE)) < part.first_line
            },
        )
        for part in parts
    ]


def _first_lines(records: Records, wanted: set[str], layout: Layout) -> dict[str, int]:
    lines: dict[str, int] = {}
    while (plain := records.plain(PLAIN_LINES)) is None or plain.rows:
        if plain is None:
            some = list(islice(records, PLAIN_LINES))
            if not some:
                break
            rows = [(row.line, row.cells) for row in some if row.fault is None]
        else:
            rows = list(enumerate(plain.rows, plain.line))
        skus = _skus((cells for _, cells in rows), layout)
        for (line, cells), sku in zip(rows, skus, strict=True):
            if sku in wanted and not layout.is_header(cells):
                lines.setdefault(sku, line)
    return lines


def _is_note(row: Record) -> bool:
    """Whether a row is Excel's own line about the delimiter."""
    return len(row.cells) == _NOTE_CELLS and row.cells[0].strip().lower() == _NOTE


def _header_of(rows: Iterator[Record]) -> Record:
    """Return the first row that is no note about the delimiter."""
    for row in rows:
        if row.fault is not None:
            raise FileFaultError("no_header", f"The header: {row.fault.message}", line=row.line)
        if not _is_note(row):
            return row
    raise FileFaultError(
        "no_header",
        "The table is empty: its first row must name the columns. "
        "Hidden sheets of a workbook are not read.",
    )
