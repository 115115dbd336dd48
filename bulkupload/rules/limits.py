"""Limits of one bulk upload and of one photo batch.

The rows of a chunk (`BULK_CHUNK_ROWS`) and how long imports are kept (`IMPORT_RETENTION_DAYS`) are
settings: sartiq/settings/environment.py. Limits of one image are in media/rules/limits.py.
"""

from datetime import timedelta
from typing import Final

from media.rules.limits import MAX_REQUEST_IMAGES

MIB: Final = 1024 * 1024

MAX_FILE_BYTES: Final = 512 * MIB
MAX_FORM_BYTES: Final = MIB  # of the request body without the file
MAX_ROWS: Final = 2_000_000
MAX_COLUMNS: Final = 1000
MAX_CELL_LENGTH: Final = 64 * 1024  # characters
MAX_LINE_LENGTH: Final = MIB  # characters
MAX_CHUNK_BYTES: Final = 8 * MIB  # of the table
MAX_GROUP_ROWS: Final = 10_000  # rows of one Shopify handle
MAX_GROUP_BYTES: Final = 32 * MIB
INSERT_BATCH_SIZE: Final = 1000  # rows; PostgreSQL takes 65,535 values in one statement
MAX_VALUE_LENGTH: Final = 500  # characters of a value or message in an error

MAX_WORKBOOK_BYTES: Final = 256 * MIB  # of the unpacked parts of an XLSX
MAX_WORKBOOK_MEMORY: Final = 2048 * MIB  # bytes, of the process that converts it
MAX_WORKBOOK_SECONDS: Final = 240  # of CPU time; 256 MiB of cells take 50 to 100

MAX_PHOTOS: Final = 5000  # of one batch
MAX_REQUEST_PHOTOS: Final = 500  # of one request
MAX_SLOT_IMAGES: Final = MAX_REQUEST_IMAGES  # a client can send back the list that it has read
MAX_IDLE_TIME: Final = timedelta(hours=24)  # without an arrival; then a photo batch ends
