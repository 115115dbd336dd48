"""Splitting a table into chunks in one pass, with one chunk in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple, TextIO

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import MAX_CHUNK_BYTES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_ROWS, MIB
from bulkupload.rules.rows.excel_damage import SkuWidths
from bulkupload.rules.rows.repeated_skus import SeenSkus
from bulkupload.rules.rows.shopify_handles import is_too_long, product_rows, rows_by_handle
from bulkupload.rules.table.csv_records import (
    PLAIN_BATCH_SIZE,
    PlainLines,
    Record,
    Records,
    is_blank,
)
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.first_lines import find_first_lines, skus_of
from bulkupload.rules.table.header import FieldMapping, HeaderColumn, Layout, read_header
from bulkupload.rules.table.header_row import records_of, take_header
from bulkupload.rules.table.repeated_headers import header_lines, without_headers

MAX_READ_BYTES = MIB  # of rows that are in memory together
UNKNOWN_LINE = 0


@dataclass(frozen=True, kw_only=True)
class ChunkRange:
    """The bytes of a chunk, with its first line and its first row.

    `repeated` maps the SKUs that earlier chunks have too to the lines of their first rows.
    """

    start: int
    length: int
    first_line: int
    first_row: int
    rows: int
    repeated: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ChunkPlan:
    """The columns of a table and the chunks it is split into."""

    columns: list[HeaderColumn]
    ranges: list[ChunkRange]
    total_rows: int
    sku_width: int | None
    header_lines: list[int]


class ChunkPlanner:
    """Plans the chunks of a table of `size` bytes that is open as text, after its byte order mark.

    `skip` is the number of rows above the header. `on_progress` is called after each chunk.
    """

    def __init__(
        self,
        stream: TextIO,
        dialect: Dialect,
        *,
        mapping: FieldMapping,
        chunk_rows: int,
        size: int,
        on_progress: Callable[[], None],
        skip: int = 0,
    ) -> None:
        self._records = records_of(stream, dialect)
        self._skip = skip
        self._mapping = mapping
        self._chunk_rows = chunk_rows
        self._on_progress = on_progress
        self._seen_skus = SeenSkus(table_size=size)
        self._sku_widths = SkuWidths()
        self._ranges: list[ChunkRange] = []
        self._total_rows = 0
        self._header_lines: list[int] = []
        self._chunk = _Chunk()

    def plan(self) -> ChunkPlan:
        """Read the table and return its chunks; raise JobFailureError if it cannot be imported."""
        rows = iter(self._records)
        header = take_header(islice(rows, self._skip, None))
        columns = read_header(header.cells, mapping=self._mapping, line=header.line)
        layout = Layout.of(columns)
        self._split(rows, layout)
        return ChunkPlan(
            columns=columns,
            ranges=self._ranges,
            total_rows=self._total_rows,
            sku_width=self._sku_widths.common,
            header_lines=self._header_lines,
        )

    def _split(self, rows: Iterator[Record], layout: Layout) -> None:
        """Fill the chunks; each one ends before the group of rows that would make it too long."""
        if layout.handle is None:
            groups = self._row_groups(layout)
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

    def _row_groups(self, layout: Layout) -> Iterator["_RowGroup"]:
        """Yield plain lines together; if some are not plain, the rest of a chunk row by row."""
        while True:
            # A full chunk ends before the next group, which may then fill a whole chunk.
            limit = self._chunk_rows - self._chunk.rows or self._chunk_rows
            plain = self._records.take_plain_lines(limit)
            if plain is None:
                yield from self._groups_by_row(limit, layout)
            elif plain.rows:
                lines = header_lines(plain, layout)
                self._header_lines.extend(lines)
                yield _plain_group(plain, layout, lines)
            else:
                return

    def _groups_by_row(self, count: int, layout: Layout) -> Iterator["_RowGroup"]:
        """Yield groups of the next `count` rows, reading one row after another."""
        while count and (records := self._next_records(count)):
            count -= len(records)
            rows = list(without_headers(records, layout, self._header_lines))
            if rows:
                yield _group_of(rows, rows[0], layout)

    def _next_records(self, limit: int) -> list[Record]:
        """Return at most `limit` of the next rows, fewer if they are long."""
        records: list[Record] = []
        for record in islice(self._records, min(limit, PLAIN_BATCH_SIZE)):
            records.append(record)
            if record.start - records[0].start > MAX_READ_BYTES:
                break
        return records

    def _end_chunk(self, *, end: int) -> None:
        self._on_progress()
        chunk = self._chunk
        skus = chunk.skus - {""}
        for sku in filter(str.isdigit, skus):
            self._sku_widths.add(sku)
        chunk_range = ChunkRange(
            start=chunk.start,
            length=end - chunk.start,
            first_line=chunk.line,
            first_row=self._total_rows + 1,
            rows=chunk.rows,
            repeated=dict.fromkeys(self._seen_skus.add(skus), UNKNOWN_LINE),
        )
        self._ranges.append(chunk_range)
        self._total_rows += chunk.rows
        self._chunk = _Chunk()
        if self._total_rows > MAX_ROWS:
            message = f"The table has more than {MAX_ROWS:,} rows. Split it."
            raise JobFailureError("too_many_rows", message, line=chunk.line)


class _RowGroup(NamedTuple):
    """Rows that stay in one chunk: their position, how many are imported, and their SKUs."""

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
        if not self.rows:  # or only blank lines
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
        skipped = set(headers)
        rows = [row for line, row in enumerate(rows, plain.line) if line not in skipped]
    skus = skus_of(rows, layout)
    blank = sum(not sku and is_blank(row) for sku, row in zip(skus, rows, strict=True))
    return _RowGroup(plain.start, plain.line, len(rows) - blank, skus)


def with_first_lines(
    ranges: Sequence[ChunkRange], records: Records, layout: Layout
) -> list[ChunkRange]:
    """Read the table again; return the chunks with the first line of each repeated SKU."""
    skus = (sku for chunk in ranges for sku in chunk.repeated)
    lines = find_first_lines(records, skus, layout)
    return [
        replace(
            chunk,
            repeated={
                sku: line
                for sku in chunk.repeated
                if (line := lines.get(sku, UNKNOWN_LINE)) < chunk.first_line
            },
        )
        for chunk in ranges
    ]
