"""Callables for django-axes: the user name that failures are counted for, and the response.

The number of failures is `LOGIN_FAILURE_LIMIT` (sartiq/settings/environment.py), the time of the
lockout `AXES_COOLOFF_TIME` (sartiq/settings/base.py).
"""

import math
from collections.abc import Mapping
from datetime import timedelta

from axes.helpers import get_cool_off
from django.http import HttpRequest, HttpResponse

from accounts.rules import sign_in_name
from sartiq.core.errors import TooManyRequestsError
from sartiq.core.http import error_pages

TOO_MANY_REQUESTS = 429


def username_of(request: HttpRequest, credentials: Mapping[str, str] | None) -> str:
    """Return the name for which failures are counted, the same for all spellings of an address."""
    submitted: Mapping[str, str | None] = credentials or request.POST
    username = submitted.get("username") or submitted.get("email") or ""
    return sign_in_name(username.replace("\0", ""))[:255]


def locked_out_response(
    request: HttpRequest, original_response: HttpResponse, credentials: Mapping[str, str] | None
) -> HttpResponse:
    """Return a 429 for the admin's sign-in page; the API raises LockedOutError itself."""
    if original_response.status_code == TOO_MANY_REQUESTS:
        return original_response
    error = TooManyRequestsError(retry_after=timedelta(seconds=seconds_locked(request)))
    return error_pages.error_response(request, error)


def seconds_locked(request: HttpRequest) -> int:
    """Return how long a client is locked out; every further attempt restarts the time."""
    cool_off = get_cool_off(request)
    return math.ceil(cool_off.total_seconds()) if cool_off else 1
