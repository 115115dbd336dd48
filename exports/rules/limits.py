"""Limits of one export; how long it is kept are settings."""

from datetime import timedelta

MAX_FILES = 10_000  # in one run
MAX_ARCHIVE_BYTES = 78 * 1024**3  # a store accepts 10,000 parts of 8 MiB
# Of a signed download URL. A download in progress is not cut off.
LINK_LIFETIME = timedelta(minutes=5)
