"""How much one bulk upload may be, as named numbers."""

from datetime import timedelta
from typing import Final

MIB: Final = 1024 * 1024

LARGEST_FILE: Final = 512 * MIB
LARGEST_FORM: Final = MIB  # the other parts of the request
MOST_ROWS: Final = 2_000_000
MOST_COLUMNS: Final = 1000
LONGEST_CELL: Final = 64 * 1024  # characters
LONGEST_LINE: Final = MIB  # characters; no row of ours needs more
LARGEST_CHUNK: Final = 8 * MIB  # bytes of one chunk, whatever the rows are like
LARGEST_GROUP: Final = 10_000  # rows of one Shopify handle
LARGEST_HANDLE: Final = 32 * MIB  # bytes of them
ROWS_AT_ONCE: Final = 1000  # of one INSERT; PostgreSQL takes 65,535 values in all
LONGEST_SHOWN: Final = 500  # characters of a refused value that an error repeats

LARGEST_WORKBOOK: Final = 256 * MIB  # of an XLSX once unpacked
WORKBOOK_MEMORY: Final = 2048 * MIB
WORKBOOK_SECONDS: Final = 240  # of CPU; 256 MiB of cells take 50 to 100

KEPT_FOR: Final = timedelta(days=90)
