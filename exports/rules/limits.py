"""Limits of one export.

How long archives and exports are kept is `EXPORT_ARCHIVE_DAYS` and `EXPORT_RETENTION_DAYS`
(sartiq/settings/environment.py). Limits of one conversion are in exports/rules/image_formats.py.
"""

from datetime import timedelta

MAX_FILES = 10_000  # in one run
MAX_ARCHIVE_BYTES = 78 * 1024**3  # a store accepts 10,000 parts of 8 MiB
LINK_LIFETIME = timedelta(minutes=5)  # of a signed URL; a download may take longer
