"""The middleware of pages with sessions, which the REST routes go past.

A REST request brings a bearer token and knows no session and no message; their middleware is work
for nothing there.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from sartiq.core.middleware import is_rest


class PagesOnly:
    """Goes past its middleware with every REST request."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, through the middleware only for a page."""
        if is_rest(request):
            passed: HttpResponseBase = self.get_response(request)
            return passed
        answered: HttpResponseBase = super().__call__(request)  # type: ignore[misc]  # a mixin
        return answered


class PageSessionMiddleware(PagesOnly, SessionMiddleware):
    """Sessions of the staff's pages."""


class PageAuthenticationMiddleware(PagesOnly, AuthenticationMiddleware):
    """Who is signed in to the staff's pages."""


class PageMessageMiddleware(PagesOnly, MessageMiddleware):
    """Messages of the staff's pages."""
