"""Limits of one export. How long it is kept is a setting."""

from datetime import timedelta

MAX_FILES = 10_000  # in one run
MAX_ARCHIVE_BYTES = 78 * 1024**3  # a store accepts 10,000 parts of 8 MiB
LINK_LIFETIME = timedelta(minutes=5)  # of a signed URL; a download may take longer
