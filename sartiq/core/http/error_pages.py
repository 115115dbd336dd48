"""Responses to errors outside the REST views: HTML in the admin, the API's JSON elsewhere."""

import http
import math
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from structlog.contextvars import get_contextvars

from sartiq.core import errors
from sartiq.core.http.exception_handler import (
    headers_of,
    json_error_response,
    known_error,
    status_of,
    unknown_host,
)
from sartiq.core.http.referrer import STAFF_PATH

LAYOUT = "admin/base_site.html"
BARE_LAYOUT = "unfold/layouts/unauthenticated.html"  # without the menu, which needs the database
ADVICE = {
    400: "The request could not be read. Go back, reload the page and try again.",
    403: "You do not have permission to open this page or to do this. Ask a superuser.",
    404: "This page does not exist. The object it showed may have been deleted.",
    413: "The form or its file is too large. Send a smaller one.",
    500: "Something went wrong on the server; nothing was saved. Report the request id below.",
    503: "The database or the file store is not available. Try again in a moment.",
}
EXPIRED_FORM = "This form is no longer valid. Go back, reload the page and send it again."


def is_staff_page(request: HttpRequest) -> bool:
    """Return whether a request is for the admin."""
    return request.path_info.startswith(STAFF_PATH)


def error_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the response to an error: a page in the admin, JSON for API clients."""
    error_to_show = known_error(error)
    if error_to_show is None or not is_staff_page(request):
        return json_error_response(error)
    status, detail = status_of(error_to_show), str(error_to_show.detail)
    if isinstance(error_to_show, errors.InvalidError):
        status, detail = 400, ADVICE[400]
    if isinstance(error_to_show, errors.TooManyRequestsError):
        minutes = math.ceil(error_to_show.retry_after.total_seconds() / 60)
        detail = f"Too many failed sign-ins. Wait {minutes} minutes, then try again."
    response = page(request, status, detail=ADVICE.get(status, detail))
    for name, value in headers_of(error_to_show).items():
        response[name] = value
    return response


def page(request: HttpRequest, status: int, *, detail: str) -> HttpResponse:
    """Return an error page in the layout of the admin."""
    with_menu = status < 500 and _is_signed_in(request)  # noqa: PLR2004  the range is the meaning
    menu_request = request if with_menu else _anonymous(request)
    context: dict[str, Any] = {
        **admin.site.each_context(menu_request),
        "layout": LAYOUT if with_menu else BARE_LAYOUT,
        "title": http.HTTPStatus(status).phrase,
        "detail": detail,
        "status": status,
        "request_id": get_contextvars().get("request_id"),
    }
    html = render_to_string("admin/error.html", context, request if with_menu else None)
    # Set here too: errors of outer middleware bypass the one that sets it.
    return HttpResponse(html, status=status, headers={"Referrer-Policy": "same-origin"})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to a request that Django found malformed or too large (handler400)."""
    if isinstance(exception, DisallowedHost):
        return unknown_host(request)
    if is_staff_page(request):
        return error_response(request, exception)
    return json_error_response(errors.InvalidError("The request is malformed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to a forbidden page outside the REST routes (handler403)."""
    return error_response(request, errors.NotPermittedError())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the response to an unknown path (handler404)."""
    return error_response(request, errors.NotFoundError())


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the response to an unexpected error, without details (handler500)."""
    if is_staff_page(request):
        return page(request, 500, detail=ADVICE[500])
    return JsonResponse({"detail": "Internal server error"}, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the response to a missing or expired CSRF token (CSRF_FAILURE_VIEW)."""
    if is_staff_page(request):
        return page(request, 403, detail=EXPIRED_FORM)
    return json_error_response(errors.NotPermittedError())


def _is_signed_in(request: HttpRequest) -> bool:
    """Return whether staff sent the request; False if that cannot be determined."""
    try:
        return admin.site.has_permission(request)
    except (AttributeError, DatabaseError):
        return False


def _anonymous(request: HttpRequest) -> HttpRequest:
    """Return an anonymous copy of the request, which needs no session and no query."""
    anonymous = HttpRequest()
    anonymous.path = anonymous.path_info = request.path_info
    anonymous.META["SCRIPT_NAME"] = ""
    anonymous.user = AnonymousUser()
    return anonymous
