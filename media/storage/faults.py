"""What goes wrong inside boto3, told in our own errors."""

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
    StoreRefusedError,
    StoreUnavailableError,
)
from sartiq.core.errors import SartiqError

# A HEAD answer has no body, so its code is the bare status.
_NOT_FOUND: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
# 403 passes: credentials are rotated while processes keep the old ones for a moment.
_PASSING_STATUSES: Final = frozenset({403, 408, 429, 500, 502, 503, 504})
# 400s of S3 and R2 that say "later", not "wrong".
_PASSING: Final = frozenset({"RequestTimeout", "IncompleteBody", "SlowDown"})


@contextmanager
def translated() -> Iterator[None]:
    """Turn every fault of the client and its transport into one of ours."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error) from error
    except (ParamValidationError, NoCredentialsError) as error:
        raise StoreRefusedError from error
    except BotoCoreError as error:  # time-outs, resets, cut or unreadable answers
        raise StoreUnavailableError from error
    except (HTTPError, OSError) as error:
        raise StoreUnavailableError from error


def _of_answer(error: ClientError) -> SartiqError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _NOT_FOUND:
        return ObjectNotFoundError()
    if code in _CHANGED:
        return PreconditionFailedError()
    passing = status in _PASSING_STATUSES or status < 400  # noqa: PLR2004  200 with an error inside
    if passing or code in _PASSING:
        return StoreUnavailableError()
    return StoreRefusedError()
