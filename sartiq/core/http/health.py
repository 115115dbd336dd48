"""Liveness and readiness for the operator.

Ready means that requests can be served. The broker is not checked on purpose: without it
rows wait and nothing is lost.
"""

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sartiq.core.front.django_threads import Answer


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer that the process runs."""
    return JsonResponse({"status": "ok"})


def respond_live(method: str, path: str, query: str) -> Answer:
    """Answer the same on the event loop, however busy all threads are."""
    body = b"" if method == "HEAD" else b'{"status": "ok"}'
    return Answer(200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], body)


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer whether the database does; 503 when it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        response = JsonResponse({"status": "unavailable", "database": "unavailable"}, status=503)
        response["Retry-After"] = "5"
        return response
    return JsonResponse({"status": "ok", "database": "ok"})


urlpatterns = [path("live", live, name="live")]  # the store has a say in `ready`: media.api.health
