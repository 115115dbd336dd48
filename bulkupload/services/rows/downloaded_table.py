"""A job's table on the worker's disk: its bytes, its dialect, its text."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, Final, TextIO

from bulkupload.models import BulkUploadJob
from bulkupload.rules.table.dialects import (
    SAMPLE,
    Dialect,
    EncodingScan,
    detect_delimiter,
    detect_line_ending,
)
from media.storage import private_store

CTRL_Z: Final = b"\x1a"
TAIL_BYTES: Final = 4096


def download(
    job: BulkUploadJob, target: BinaryIO, *, on_progress: Callable[[], None]
) -> EncodingScan:
    """Write the source file of a job to `target`; return the scan of its encoding.

    `on_progress` is called after each block.
    """
    scan = EncodingScan(declared=job.encoding)
    with private_store().open(job.source_key, if_match=job.source_etag) as reader:
        for data in reader:
            target.write(data)
            scan.feed(data)
            on_progress()
    target.flush()
    return scan


def dialect_of(body: BinaryIO, encoding: Dialect, job: BulkUploadJob) -> Dialect:
    """Return the dialect of a CSV whose encoding is known."""
    body.seek(encoding.bom)
    sample = body.read(SAMPLE * 2).decode(encoding.encoding, "replace")[:SAMPLE]
    return replace(
        encoding,
        delimiter=detect_delimiter(sample, job.mapping),
        line_ending=detect_line_ending(sample),
    )


def strip_ctrl_z(body: BinaryIO, dialect: Dialect) -> None:
    """Cut Ctrl-Z characters off the end of a text: DOS programs fill the last block with them."""
    if dialect.encoding.startswith("utf-16"):  # DOS programs do not write it
        return
    size = body.seek(0, io.SEEK_END)
    body.seek(max(size - TAIL_BYTES, 0))
    tail = body.read()
    text = tail.rstrip(b"\r\n" + CTRL_Z)
    if CTRL_Z in tail[len(text) :]:
        body.truncate(size - len(tail) + len(text))


@contextmanager
def open_text(body: BinaryIO, dialect: Dialect) -> Iterator[TextIO]:
    """Open a table as text after its byte order mark; the file itself is not closed."""
    body.seek(dialect.bom)
    text = io.TextIOWrapper(body, dialect.encoding, dialect.errors, newline="")
    try:
        yield text
    finally:
        text.detach()
