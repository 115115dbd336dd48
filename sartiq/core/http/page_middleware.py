"""Middleware for pages with sessions, skipped for API requests.

An API request carries a bearer token and needs no session and no messages. If listed consecutively
in MIDDLEWARE, API requests skip all of them at once.
"""

from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from sartiq.core.http.middleware import is_rest
from sartiq.core.http.referrer import StaffReferrerMiddleware


class SkippedForApiMixin:
    """Skips its middleware, and those of the same kind that follow it, for API requests."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]  # a mixin
        # Django wraps each handler with `functools.wraps`, which copies this attribute.
        self.handler_after_page_middleware = getattr(
            get_response, "handler_after_page_middleware", get_response
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, passing through the middleware only for pages."""
        if is_rest(request):
            api_response: HttpResponseBase = self.handler_after_page_middleware(request)
            return api_response
        page_response: HttpResponseBase = super().__call__(request)  # type: ignore[misc]  # a mixin
        return page_response


class PageReferrerMiddleware(SkippedForApiMixin, StaffReferrerMiddleware):
    """The Referrer-Policy of admin pages."""


class PageStaticMiddleware(SkippedForApiMixin, WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped base
    """Static files of pages."""


class PagePolicyMiddleware(SkippedForApiMixin, CSPMiddleware):
    """The Content-Security-Policy of pages; JSON needs none."""


class PageSessionMiddleware(SkippedForApiMixin, SessionMiddleware):
    """Sessions of admin pages."""


class PageAuthenticationMiddleware(SkippedForApiMixin, AuthenticationMiddleware):
    """The signed-in user of admin pages."""


class PageMessageMiddleware(SkippedForApiMixin, MessageMiddleware):
    """Messages of admin pages."""
