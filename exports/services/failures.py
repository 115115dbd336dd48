"""Failures that a file and a whole export have in common."""

from typing import Final

from exports.errors import Failure
from media.services.stored_objects import StoringTooSlowError
from sartiq.core.errors import UnavailableError

# The day is `MAX_OUTAGE` of `sartiq.core.work.retry_policy`.
STORE_UNAVAILABLE: Final = Failure("store_unavailable", "The file store did not answer for a day.")


def is_outage(error: Exception) -> bool:
    """Return whether an error comes from the store or the disk, not from the file."""
    return isinstance(error, (UnavailableError, OSError, StoringTooSlowError))
