"""Limits of files, requests and decodes, and how long unused files are kept.

Settings, such as `UPLOAD_RETENTION_DAYS` and `TRASH_DAYS`, are in sartiq/settings/environment.py.
"""

from datetime import timedelta
from math import ceil

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
MEGAPIXEL = 1_000_000

# One file.
MIN_FILE_SIZE = 1
MAX_FILE_SIZE = 50 * MIB  # stated in the messages of FileTooLargeError and UploadTooLargeError

# One request that names several files.
MAX_REQUEST_IMAGES = 50
MAX_REQUEST_BYTES = 500 * MIB
REQUEST_BASE_TIME = timedelta(seconds=10)
REQUEST_BYTES_PER_SECOND = 20 * MIB

# One request for several signed URLs.
MAX_REQUEST_TICKETS = 500

# One signed URL.
MIN_UPLOAD_BYTES_PER_SECOND = 32 * KIB  # bytes per second of the slowest client that can upload
MIN_URL_LIFETIME = timedelta(seconds=900)
MAX_URL_LIFETIME = timedelta(seconds=3600)

# How long unused files are kept. The cleanups run every hour.
UPLOAD_GRACE = timedelta(hours=24)  # a temporary upload that no resource uses
UNATTACHED_GRACE = timedelta(hours=24)  # a resource that was replaced or detached
FETCHED_UPLOAD_LIFETIME = timedelta(seconds=900)  # until the import of a fetched image claims it

# How old an object that belongs to no row must be before it is recorded.
UNKNOWN_GRACE = timedelta(hours=24)

# One image. Every image may be exported to WebP, which allows no longer side.
MAX_PIXELS = 120 * MEGAPIXEL  # of a still image
MAX_ANIMATION_PIXELS = 100 * MEGAPIXEL  # over all frames
MAX_SIDE = 16_383
MAX_FRAMES = 1_000

# One JPEG. The decoder passes over all pixels for each scan; encoders write about ten scans.
MIN_SCANS, MAX_SCANS = 20, 500  # allowed for an image of any size, and for a small one
MAX_SCAN_PIXELS = 2_500 * MEGAPIXEL  # about 1 s of CPU: 20 scans of 120 megapixels, 52 of 48

# One thumbnail: pixels of the longer side; a WebP of this size has about 10 KiB.
THUMBNAIL_SIDE = 320
MAX_THUMBNAIL_BYTES = MIB

# One archive.
MAX_ARCHIVE_ENTRIES = 10_000
MAX_ARCHIVE_TOTAL = GIB  # declared unpacked size
# Above each unpacked total, the allowed compression ratio. Repetitive text reaches 500, ZIP bombs
# 1,000.
MAX_ARCHIVE_RATIOS = ((16 * MIB, 600), (128 * MIB, 200))

# One structure.
MAX_WALK_STEPS = 400_000  # blocks visited; 50 MiB of full GIF blocks take 206,000


def url_lifetime(size: int | None) -> timedelta:
    """Return the lifetime of a signed PUT for a file of this size."""
    if size is None:
        return MIN_URL_LIFETIME
    needed = timedelta(seconds=ceil(size / MIN_UPLOAD_BYTES_PER_SECOND))
    return min(max(MIN_URL_LIFETIME, needed), MAX_URL_LIFETIME)


def request_budget(declared_bytes: int) -> timedelta:
    """Return the time one request may spend reading the files it names."""
    return REQUEST_BASE_TIME + timedelta(seconds=declared_bytes / REQUEST_BYTES_PER_SECOND)
