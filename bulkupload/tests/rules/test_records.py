"""Rows that are read one by one are the same as rows read from many lines with one call."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import MAX_CELL_LENGTH, MAX_LINE_LENGTH
from bulkupload.rules.rows.checked_rows import RefusedRow, ValidRow
from bulkupload.rules.rows.cleaning import Cleaner
from bulkupload.rules.table.chunk_planner import ChunkPlan, ChunkPlanner
from bulkupload.rules.table.csv_records import Lines, PlainLines, Record, Records, is_blank
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.header import Layout

UTF8 = Dialect()
TEXTS = st.text("\",;\r\n'a é0\x0b\u2028\x85", max_size=80) | st.lists(
    st.sampled_from(["a,b", "", " , ", '"x,""y"', '"two\nlines",z', '"open', 'mis"placed', "1,2,3"])
    | st.text("a,é", max_size=6)
).map("\n".join)
READ_LENGTHS = st.integers(1, 90)
Outcomes = list[ValidRow | RefusedRow]


class OneByOne(Records):
    """Reads rows one by one, never many plain lines together."""

    def take_plain_lines(self, limit: int) -> PlainLines | None:
        return None


def lines_of(text: str, *, read_length: int = 7) -> Lines:
    stream = io.StringIO(text, newline="")
    return Lines(stream, UTF8.size_of(), read_length=read_length)


def records_of(text: str, *, kind: type[Records] = Records, read_length: int = 7) -> Records:
    size_of = UTF8.size_of()
    return kind(lines_of(text, read_length=read_length), delimiter=",", size_of=size_of)


def read_in_batches(records: Records, limit: int) -> list[Record]:
    """Return all rows: plain lines together if possible, else only the next row."""
    records_read: list[Record] = []
    rows = iter(records)
    while (plain := records.take_plain_lines(limit)) is None or plain.rows:
        if plain is None:
            records_read += [row for row in [next(rows, None)] if row is not None]
        else:
            lines = enumerate(plain.rows, plain.line)
            records_read += [
                Record(line, -1, cells) for line, cells in lines if not is_blank(cells)
            ]
    return records_read


def without_starts(rows: Iterable[Record]) -> list[Record]:
    return [row._replace(start=-1) for row in rows]


@pytest.mark.covers("T62")
@hypothesis_settings(max_examples=500, deadline=None, derandomize=True)
@given(text=TEXTS, read_length=READ_LENGTHS, limit=st.integers(1, 5))
def test_lines_read_together_give_the_same_rows_as_lines_read_one_by_one(
    text: str, read_length: int, limit: int
) -> None:
    batched, one_by_one = records_of(text, read_length=read_length), records_of(text)

    rows = read_in_batches(batched, limit)

    assert without_starts(rows) == without_starts(one_by_one)
    assert (batched.line, batched.offset) == (one_by_one.line, len(text.encode()))


def plan_chunks(text: str, *, chunk_rows: int) -> ChunkPlan:
    stream, size = io.StringIO(text, newline=""), len(text.encode())
    return ChunkPlanner(
        stream, UTF8, mapping={}, chunk_rows=chunk_rows, size=size, on_progress=lambda: None
    ).plan()


def check_chunks(plan: ChunkPlan, text: str, *, kind: type[Records]) -> tuple[Outcomes, list[int]]:
    """Return the checked rows of all chunks in order, and the number of rows of each chunk."""
    body, size_of = text.encode(), UTF8.size_of()
    cleaner = Cleaner(Layout.of(plan.columns), sku_width=plan.sku_width)
    rows: Outcomes = []
    counts: list[int] = []
    for chunk in plan.ranges:
        lines = lines_of(body[chunk.start : chunk.start + chunk.length].decode())
        records = kind(lines, delimiter=",", size_of=size_of, line=chunk.first_line)
        valid, refused = cleaner.check(records, first_row=chunk.first_row)
        rows += sorted([*valid, *refused], key=lambda row: row.row)
        counts.append(len(valid) + len(refused))
    return rows, counts


@pytest.mark.covers("T62", "I12")
@hypothesis_settings(max_examples=500, deadline=None, derandomize=True)
@given(tail=TEXTS, chunk_rows=st.integers(1, 4))
def test_each_chunk_has_the_planned_number_of_rows(tail: str, chunk_rows: int) -> None:
    text = f"sku,name\nA,Shoe\n{tail}"
    plan = plan_chunks(text, chunk_rows=chunk_rows)

    rows, counts = check_chunks(plan, text, kind=Records)

    assert check_chunks(plan, text, kind=OneByOne) == (rows, counts)
    assert counts == [chunk.rows for chunk in plan.ranges]
    assert [row.row for row in rows] == list(range(1, plan.total_rows + 1))


@pytest.mark.covers("T62")
def test_blank_lines_before_a_chunk_are_not_part_of_it() -> None:
    text = "sku,name\n" + "\n" * 2000 + "A,Shoe\n\nB,Boot\n" + "\n" * 2000 + "C,Clog\n"

    ranges = plan_chunks(text, chunk_rows=2).ranges

    assert [(chunk.first_line, chunk.rows) for chunk in ranges] == [(2002, 2), (4005, 1)]


LONG = "x" * MAX_LINE_LENGTH


@pytest.mark.covers("T62")
@pytest.mark.parametrize("read_length", [5, 4096, MAX_LINE_LENGTH, 4 * MAX_LINE_LENGTH])
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{LONG[:-1]}\n", "cell_too_long"),
        (f"{LONG}\n", "row_too_long"),
        (LONG, "row_too_long"),
        (LONG * 3 + "é\r\n", "row_too_long"),
    ],
)
def test_the_rest_of_a_line_that_is_too_long_is_skipped(
    line: str, code: str, read_length: int
) -> None:
    text = f"a,b\n{line}" + ("c,d\n" if line.endswith("\n") else "")
    records = records_of(text, read_length=read_length)

    rows = list(records)

    codes = [row.error.code if row.error else "" for row in rows]
    # Without a delimiter the whole line is one cell, so it is at least too long for a cell.
    assert codes == ["", code, *[""] * (len(rows) - 2)]
    assert [row.line for row in rows] == list(range(1, len(rows) + 1))
    assert records.offset == len(text.encode())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
        ("a,b\r\n\r\nc,d", [["a", "b"], [], ["c", "d"]]),
        ("a\rb\r", [["a"], ["b"]]),
        ('"quoted, once",b\n', [["quoted, once", "b"]]),
        ('a,"two\nlines"\n', None),
        ('a,"open\n', None),
        ('a,"mis"placed\n', None),
        (f"a,{'x' * (MAX_CELL_LENGTH + 1)}\n", None),
        (f"{'x,' * MAX_LINE_LENGTH}\n", None),
        ("", []),
    ],
)
def test_lines_are_plain_if_each_is_a_whole_row(text: str, plain: Any) -> None:
    lines = records_of(text, read_length=10**6).take_plain_lines(100)

    assert (None if lines is None else lines.rows) == plain


@pytest.mark.covers("T62")
@pytest.mark.parametrize("header", ["", "\n\n", '"sku'])
def test_a_table_without_a_header_is_refused(header: str) -> None:
    with pytest.raises(JobFailureError) as excinfo:
        plan_chunks(header, chunk_rows=5)

    assert excinfo.value.code == "no_header"
