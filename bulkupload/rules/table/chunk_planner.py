"""Splitting a table into chunks: one pass, in the memory of one chunk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple, TextIO

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import MAX_CHUNK_BYTES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_ROWS, MIB
from bulkupload.rules.rows.excel_damage import SkuWidths
from bulkupload.rules.rows.repeated_skus import SeenSkus
from bulkupload.rules.rows.shopify_handles import is_too_long, product_rows, rows_by_handle
from bulkupload.rules.table.csv_records import PLAIN_LINES, PlainLines, Record, Records, is_blank
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.first_lines import find_first_lines, skus_of
from bulkupload.rules.table.header import HeaderColumn, Layout, Mapped, read_header
from bulkupload.rules.table.header_row import records_of, take_header
from bulkupload.rules.table.repeated_headers import header_lines, without_headers

MAX_GROUP_READ_BYTES = MIB  # of rows that are read together
UNKNOWN_LINE = 0


@dataclass(frozen=True, kw_only=True)
class ChunkRange:
    """A range of bytes that becomes a chunk, and the line and the row it begins with."""

    start: int
    length: int
    first_line: int
    first_row: int
    rows: int
    repeated: dict[str, int]  # SKUs of earlier chunks, each with the line of its first row


@dataclass(frozen=True, kw_only=True)
class ChunkPlan:
    """The contents of a table and the chunks it is split into."""

    columns: list[HeaderColumn]
    ranges: list[ChunkRange]
    total_rows: int
    sku_width: int | None
    header_lines: list[int]


class ChunkPlanner:
    """Plans the chunks of one table of `size` bytes, opened as text after its byte order mark.

    `skip` rows are above the header.
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
        self._widths = SkuWidths()
        self._ranges: list[ChunkRange] = []
        self._total = 0
        self._header_lines: list[int] = []
        self._chunk = _Chunk()

    def plan(self) -> ChunkPlan:
        """Read the table and return its chunks; raises JobFailureError if it cannot be imported."""
        rows = iter(self._records)
        header = take_header(islice(rows, self._skip, None))
        columns = read_header(header.cells, mapping=self._mapping, line=header.line)
        layout = Layout.of(columns)
        self._split(rows, layout)
        return ChunkPlan(
            columns=columns,
            ranges=self._ranges,
            total_rows=self._total,
            sku_width=self._widths.common,
            header_lines=self._header_lines,
        )

    def _split(self, rows: Iterator[Record], layout: Layout) -> None:
        """End a chunk before the group of rows that would make it too long."""
        if layout.handle is None:
            groups = self._groups(layout)
        else:
            groups = _handle_groups(without_headers(rows, layout, self._header_lines), layout)
        for group in groups:
            chunk = self._chunk
            too_long = chunk.rows + group.rows > self._chunk_rows
            if chunk.rows and (too_long or group.start - chunk.start > MAX_CHUNK_BYTES):
                self._end_chunk(end=group.start)
            self._chunk.add(group)
        if self._chunk.rows:
            self._end_chunk(end=self._records.offset)

    def _groups(self, layout: Layout) -> Iterator["_RowGroup"]:
        """Yield plain lines together; if some are not plain, the rest of a chunk row by row."""
        while True:
            room = self._chunk_rows - self._chunk.rows or self._chunk_rows
            plain = self._records.plain(room)
            if plain is None:
                yield from self._groups_of_rows(room, layout)
            elif plain.rows:
                lines = header_lines(plain, layout)
                self._header_lines.extend(lines)
                yield _plain_group(plain, layout, lines)
            else:
                return

    def _groups_of_rows(self, count: int, layout: Layout) -> Iterator["_RowGroup"]:
        """Yield the next `count` rows, read one by one: rows that are not plain come together."""
        while count and (some := self._next_rows(count)):
            count -= len(some)
            rows = list(without_headers(some, layout, self._header_lines))
            if rows:
                yield _group_of(rows, rows[0], layout)

    def _next_rows(self, most: int) -> list[Record]:
        """Return at most `most` of the next rows, fewer if they are long."""
        some: list[Record] = []
        for row in islice(self._records, min(most, PLAIN_LINES)):
            some.append(row)
            if row.start - some[0].start > MAX_GROUP_READ_BYTES:
                break
        return some

    def _end_chunk(self, *, end: int) -> None:
        self._watch()
        chunk = self._chunk
        skus = chunk.skus - {""}
        for sku in filter(str.isdigit, skus):
            self._widths.add(sku)
        chunk_range = ChunkRange(
            start=chunk.start,
            length=end - chunk.start,
            first_line=chunk.line,
            first_row=self._total + 1,
            rows=chunk.rows,
            repeated=dict.fromkeys(self._seen.repeated(skus), UNKNOWN_LINE),
        )
        self._ranges.append(chunk_range)
        self._total += chunk.rows
        self._chunk = _Chunk()
        if self._total > MAX_ROWS:
            message = f"The table has more than {MAX_ROWS:,} rows. Split it."
            raise JobFailureError("too_many_rows", message, line=chunk.line)


class _RowGroup(NamedTuple):
    """Rows that stay in one chunk: where they begin, how many are imported, and their SKUs."""

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

    def add(self, group: _RowGroup) -> None:
        if not self.rows:  # only blank lines so far
            self.start, self.line = group.start, group.line
        self.rows += group.rows
        self.skus.update(group.skus)


def _handle_groups(rows: Iterator[Record], layout: Layout) -> Iterator[_RowGroup]:
    """Yield the rows of each handle, which must stay in one chunk."""
    for group in rows_by_handle(rows, layout):
        if is_too_long(group):
            limits = f"{MAX_GROUP_ROWS:,} rows or {MAX_GROUP_BYTES // MIB} MiB"
            message = f"One handle has more than {limits}. Check the Handle column."
            raise JobFailureError("handle_too_long", message, line=group[0].line)
        yield _group_of(product_rows(group, layout), group[0], layout)


def _group_of(rows: list[Record], first: Record, layout: Layout) -> _RowGroup:
    skus = skus_of([row.cells for row in rows if row.error is None], layout)
    return _RowGroup(first.start, first.line, len(rows), skus)


def _plain_group(plain: PlainLines, layout: Layout, headers: list[int]) -> _RowGroup:
    rows = plain.rows
    if headers:
        repeated = set(headers)
        rows = [row for line, row in enumerate(rows, plain.line) if line not in repeated]
    skus = skus_of(rows, layout)
    blank = sum(not sku and is_blank(row) for sku, row in zip(skus, rows, strict=True))
    return _RowGroup(plain.start, plain.line, len(rows) - blank, skus)


def with_first_lines(
    ranges: Sequence[ChunkRange], records: Records, layout: Layout
) -> list[ChunkRange]:
    """Return the chunks with the line of the first row of each repeated SKU.

    Reads the table once more.
    """
    skus = (sku for each in ranges for sku in each.repeated)
    lines = find_first_lines(records, skus, layout)
    return [
        replace(
            each,
            repeated={
                sku: line
                for sku in each.repeated
                if (line := lines.get(sku, UNKNOWN_LINE)) < each.first_line
            },
        )
        for each in ranges
    ]
