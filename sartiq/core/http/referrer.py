from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

STAFF_PATH = "/admin/"


class StaffReferrerMiddleware:
    """Send the referrer of staff pages to our own host only.

    Under the policy of all other pages, `no-referrer`, a browser sends `Origin: null` with every
    form, and Django's CSRF check refuses it, even the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the staff's policy; `SecurityMiddleware` keeps a policy already set."""
        response = self.get_response(request)
        if request.path.startswith(STAFF_PATH):
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return response
