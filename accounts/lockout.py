"""How django-axes counts failed sign-ins of our users and answers a locked-out one."""

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
    """Return the one name all spellings of an address are counted under."""
    sent: Mapping[str, str | None] = credentials or request.POST
    typed = sent.get("username") or sent.get("email") or ""
    return sign_in_name(typed.replace("\0", ""))[:255]


def answer(
    request: HttpRequest, original_response: HttpResponse, credentials: Mapping[str, str] | None
) -> HttpResponse:
    """Keep the API's own 429; answer the admin's sign-in page with one."""
    if original_response.status_code == LOCKED:
        return original_response
    refused = TooManyRequestsError(retry_after=timedelta(seconds=seconds_locked(request)))
    return error_pages.answer(request, refused)


def seconds_locked(request: HttpRequest) -> int:
    """Return how long a locked-out client must pause; every further try starts it anew."""
    pause = get_cool_off(request)
    return math.ceil(pause.total_seconds()) if pause else 1
