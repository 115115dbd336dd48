"""Verification of the store settings with probes, recorded in the database."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Final

import structlog
from django.conf import settings

from media.errors import StoreUnavailableError
from media.models import EnvironmentIdentity
from media.storage import probes
from media.storage.setup import Step

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 10  # before a process tries again: not at every health check
_SETTINGS: Final = (
    "S3_ENDPOINT_URL",
    "S3_PUBLIC_ENDPOINT_URL",
    "S3_REGION",
    "S3_ACCESS_KEY_ID",
    "R2_BUCKET_NAME",
    "R2_PRIVATE_BUCKET_NAME",
    "R2_PUBLIC_URL",
    "CDN_URL",
)


def verify() -> Iterator[Step]:
    """Probe the buckets, yield each step, and record the settings as verified.

    Raises StoreMisconfiguredError, StoreUnavailableError.
    """
    yield from probes.probe_buckets()
    EnvironmentIdentity.objects.update(proven_settings=fingerprint())


def require_verified_store() -> None:
    """Verify the current settings unless they are recorded as verified.

    Raises StoreUnavailableError when a probe fails; the log says why.
    """
    if settings.STORAGE == "local" or _last.verified_fingerprint == fingerprint() or _is_recorded():
        return
    with _lock:
        if _last.failed_fingerprint == fingerprint() and time.monotonic() < _last.retry_at:
            raise StoreUnavailableError
        try:
            for _ in verify():
                pass
        except StoreUnavailableError as error:
            _last.failed_fingerprint, _last.retry_at = (
                fingerprint(),
                time.monotonic() + RETRY_SECONDS,
            )
            log.warning("store_not_proven", error=type(error).__name__, reason=error.detail)
            raise
        _last.verified_fingerprint = fingerprint()


def fingerprint() -> str:
    """Return a hash of the settings that the probes verify."""
    values = "\n".join(str(getattr(settings, name)) for name in _SETTINGS)
    return hashlib.sha256(values.encode()).hexdigest()


def _is_recorded() -> bool:
    return EnvironmentIdentity.objects.filter(proven_settings=fingerprint()).exists()


@dataclass
class _Last:
    """The last results in this process: fingerprints of verified and of failed settings."""

    verified_fingerprint: str = ""
    failed_fingerprint: str = ""
    retry_at: float = 0


_lock = Lock()
_last = _Last()
