"""Settings callables for django-axes: the name failures are counted under, the lockout response."""

import math
from collections.abc import Mapping
from datetime import timedelta

from axes.helpers import get_cool_off
from django.http import HttpRequest, HttpResponse

from accounts.rules import sign_in_name
from sartiq.core.errors import TooManyRequestsError
from sartiq.core.http import error_pages

LOCKED = 429


def username_of(request: HttpRequest, credentials: Mapping[str, str] | None) -> str:
    """Return the name under which all spellings of an address are counted."""
    submitted: Mapping[str, str | None] = credentials or request.POST
    typed = submitted.get("username") or submitted.get("email") or ""
    return sign_in_name(typed.replace("\0", ""))[:255]


def answer(
    request: HttpRequest, original_response: HttpResponse, credentials: Mapping[str, str] | None
) -> HttpResponse:
    """Return a 429 for the admin's sign-in page; the API raises its own."""
    if original_response.status_code == LOCKED:
        return original_response
    error = TooManyRequestsError(retry_after=timedelta(seconds=seconds_locked(request)))
    return error_pages.error_response(request, error)


def seconds_locked(request: HttpRequest) -> int:
    """Return how long a locked-out client must pause; every further attempt restarts the pause."""
    pause = get_cool_off(request)
    return math.ceil(pause.total_seconds()) if pause else 1
