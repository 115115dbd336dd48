"""The report of a photo batch as CSV: one line for each photo."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bulkupload import selectors
from bulkupload.models import PhotoBatch
from bulkupload.rules.rows.formulas import quote_formula

HEADER: Final = ("file", "product", "slot", "outcome", "reason")
PAGE_SIZE: Final = 500  # photos in memory at once


def report(batch: PhotoBatch) -> Iterator[bytes]:
    """Yield the report of a batch, page by page, without an open cursor."""
    return lines(_rows(batch))


def lines(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield rows with the columns of `HEADER` as CSV."""
    yield codecs.BOM_UTF8 + _line(HEADER)  # Excel then reads UTF-8
    for row in rows:
        yield _line([quote_formula(cell) for cell in row])


def _rows(batch: PhotoBatch) -> Iterator[Sequence[str]]:
    photos, after = selectors.photos_of(batch), ""
    while page := list(photos.filter(path__gt=after)[:PAGE_SIZE]):
        for photo in page:
            status = photo.status.lower()
            yield (photo.path, photo.sku, photo.slot, status, photo.failure_message)
        after = page[-1].path


def file_name_of(batch: PhotoBatch) -> str:
    """Return the name of the report's file."""
    return f"photo-batch-{batch.created_at:%Y-%m-%d}-report.csv"


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
