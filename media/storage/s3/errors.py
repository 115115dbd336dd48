"""Translation of S3 and client errors into errors of media."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
)
from urllib3.exceptions import HTTPError

from media.errors import (
    ObjectNotFoundError,
    PreconditionFailedError,
    StoreCredentialsError,
    StoreRefusedError,
    StoreUnavailableError,
)
from sartiq.core.errors import SartiqError

# The response to a HEAD has no body, so its code is the bare status.
_NOT_FOUND: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_PRECONDITION_FAILED: Final = frozenset({"PreconditionFailed", "412"})
# These do not say whether the object or the bucket is missing.
_BARE_NOT_FOUND: Final = frozenset({"404", "NotFound"})
_CREDENTIALS: Final = frozenset({401, 403})
_BUSY_STATUSES: Final = frozenset({408, 429})
_NOT_IMPLEMENTED: Final = 501
# Codes with status 400 in S3 and R2 after which the same request may succeed.
_TEMPORARY_CODES: Final = frozenset({"RequestTimeout", "IncompleteBody", "SlowDown"})


class S3ResponseError(Exception):
    """Raised when a signed request gets any response but success."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code or str(status)

    @property
    def is_temporary(self) -> bool:
        """Return whether the same request may succeed in a moment."""
        return is_temporary_failure(self.status, self.code)

    @property
    def may_be_missing_bucket(self) -> bool:
        """Return whether the bucket itself may be missing: the response to a HEAD has no body."""
        return self.code in _BARE_NOT_FOUND


def is_busy(status: int) -> bool:
    """Return whether a status is temporary: any 5xx but 501, with Cloudflare's 520 to 530."""
    return status in _BUSY_STATUSES or (status >= 500 and status != _NOT_IMPLEMENTED)  # noqa: PLR2004


def is_temporary_failure(status: int, code: str) -> bool:
    """Return whether the same request may succeed later."""
    return is_busy(status) or code in _TEMPORARY_CODES


@contextmanager
def translated() -> Iterator[None]:
    """Translate every error of the service, the client and the transport."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise _error_for(status, code) from error
    except S3ResponseError as error:
        raise _error_for(error.status, error.code) from error
    except ParamValidationError as error:
        raise StoreRefusedError from error
    except NoCredentialsError as error:
        raise StoreCredentialsError from error
    except BotoCoreError as error:  # time-outs, resets, incomplete or unreadable responses
        raise StoreUnavailableError from error
    except (HTTPError, OSError) as error:
        raise StoreUnavailableError from error


def _error_for(status: int, code: str) -> SartiqError:
    if code in _NOT_FOUND:
        return ObjectNotFoundError()
    if code in _PRECONDITION_FAILED:
        return PreconditionFailedError()
    if status in _CREDENTIALS:
        return StoreCredentialsError()
    if is_temporary_failure(status, code) or status < 400:  # noqa: PLR2004  200 with an error inside
        return StoreUnavailableError()
    return StoreRefusedError()
