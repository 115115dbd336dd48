"""Liveness and readiness checks.

Ready means that requests can be served. The broker is deliberately not checked: without it, rows
wait and nothing is lost.
"""

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sartiq.core.asgi.django_threads import Response


@csrf_exempt
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Return 200: the process is running."""
    return JsonResponse({"status": "ok"})


def respond_live(method: str, path: str, query: str) -> Response:
    """Return the same on the event loop, even if all threads are busy."""
    body = b"" if method == "HEAD" else b'{"status": "ok"}'
    return Response(
        200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], body
    )


@csrf_exempt
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Return 200 if the database responds, 503 if it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        response = JsonResponse({"status": "unavailable", "database": "unavailable"}, status=503)
        response["Retry-After"] = "5"
        return response
    return JsonResponse({"status": "ok", "database": "ok"})


urlpatterns = [path("live", live, name="live")]  # `ready` also checks the store: media.api.health
