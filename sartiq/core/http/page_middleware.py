"""The middleware of pages with sessions, which the REST routes go past.

A REST request brings a bearer token and knows no session and no message; their middleware
is work for nothing there. Standing in a row in the settings they are passed in one step.
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


class PagesOnly:
    """Goes past its middleware, and all of its kind that follow, with every REST request."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]  # a mixin
        # Django wraps each handler with `functools.wraps`, which brings our attribute along.
        self.past_pages = getattr(get_response, "past_pages", get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, through the middleware only for a page."""
        if is_rest(request):
            passed: HttpResponseBase = self.past_pages(request)
            return passed
        answered: HttpResponseBase = super().__call__(request)  # type: ignore[misc]  # a mixin
        return answered


class PageReferrerMiddleware(PagesOnly, StaffReferrerMiddleware):
    """The referrer policy of the staff's pages."""


class PageStaticMiddleware(PagesOnly, WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped base
    """The files pages are made of."""


class PagePolicyMiddleware(PagesOnly, CSPMiddleware):
    """The Content-Security-Policy of pages; JSON is no page."""


class PageSessionMiddleware(PagesOnly, SessionMiddleware):
    """Sessions of the staff's pages."""


class PageAuthenticationMiddleware(PagesOnly, AuthenticationMiddleware):
    """Who is signed in to the staff's pages."""


class PageMessageMiddleware(PagesOnly, MessageMiddleware):
    """Messages of the staff's pages."""
