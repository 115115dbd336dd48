"""How much one bulk upload may be, as named numbers."""

from datetime import timedelta
from typing import Final

MIB: Final = 1024 * 1024

MAX_FILE_BYTES: Final = 512 * MIB
MAX_FORM_BYTES: Final = MIB  # the other parts of the request
MAX_ROWS: Final = 2_000_000
MAX_COLUMNS: Final = 1000
MAX_CELL_LENGTH: Final = 64 * 1024  # characters
MAX_LINE_LENGTH: Final = MIB  # characters
MAX_CHUNK_BYTES: Final = 8 * MIB  # bytes of one chunk, whatever the rows are like
MAX_GROUP_ROWS: Final = 10_000  # rows of one Shopify handle
MAX_GROUP_BYTES: Final = 32 * MIB  # bytes of them
ROWS_AT_ONCE: Final = 1000  # of one INSERT; PostgreSQL takes 65,535 values in all
MAX_SHOWN_LENGTH: Final = 500  # characters of a refused value that an error repeats

MAX_WORKBOOK_BYTES: Final = 256 * MIB  # of an XLSX once unpacked
WORKBOOK_MEMORY: Final = 2048 * MIB
WORKBOOK_SECONDS: Final = 240  # of CPU; 256 MiB of cells take 50 to 100

KEPT_FOR: Final = timedelta(days=90)
