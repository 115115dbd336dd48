from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

STAFF_PATH = "/admin/"


class StaffReferrerMiddleware:
    """Send the referrer of admin pages to the same origin only.

    Under `no-referrer`, the policy of all other pages, browsers send `Origin: null` with forms, and
    Django's CSRF check rejects them, including the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response with this policy, which `SecurityMiddleware` does not overwrite."""
        response = self.get_response(request)
        if request.path.startswith(STAFF_PATH):
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return response
