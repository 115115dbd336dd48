"""Limits of one export, and the retention time of its archive."""

from datetime import timedelta

MAX_FILES = 10_000  # of one run
MAX_ARCHIVE_BYTES = 78 * 1024**3  # bytes; a store takes 10,000 parts of 8 MiB
KEPT_FOR = timedelta(days=7)
LINK_LIFETIME = timedelta(minutes=5)  # of a signed download; a started one goes on
