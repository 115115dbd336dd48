"""Redirects of `/files/{path}`.

`respond` answers on the event loop (a Django view costs six times as much). Other methods, CORS
requests and unknown hosts go to the view.
"""

import json
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from media.rules.addresses import redirects
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.asgi.django_threads import Response
from sartiq.core.errors import Issue
from sartiq.core.http.exception_handler import issue_as_json

PREFIX = "/files/"


def answer(method: str, path: str, query: str) -> Response:
    """Return the redirect for a (once decoded) path below `/files/`, or its refusal."""
    if method not in {"GET", "HEAD"}:
        return _refusal(405, f'Method "{method}" not allowed.', ("Allow", "GET, HEAD"))
    parameters = parse_qs(query, keep_blank_values=True, max_num_fields=20) if query else {}
    wanted = parameters.get("type", [])
    if wanted and (len(wanted) > 1 or wanted[0] not in redirects.TARGET_TYPES):
        return _bad_type(wanted)
    location = redirects.target(
        path,
        wanted=wanted[0] if wanted else None,
        cdn_url=settings.CDN_URL,
        plain_url=settings.R2_PUBLIC_URL,
        transforms=settings.CLOUDFLARE_IMAGE_TRANSFORMATIONS,
    )
    if location is None:
        return _refusal(404, "File not found")
    caching = ("Cache-Control", redirects.cache_control(path))
    return Response(302, [("Location", location), caching, ("Content-Length", "0")])


def respond(method: str, path: str, query: str) -> Response:
    """Answer on the event loop; `path` was decoded once."""
    response = _answer_safely(method, path.removeprefix(PREFIX), query)
    return response._replace(body=b"") if method == "HEAD" else response


class ServeFile(Endpoint):
    """The same redirects as a Django view."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    ignores_query = True

    @extend_schema(
        operation_id="serve_file",
        tags=["files"],
        parameters=[
            OpenApiParameter(
                "type",
                OpenApiTypes.STR,
                enum=list(redirects.TARGET_TYPES),
                description="Target image format",
            )
        ],
        responses={302: OpenApiResponse(response=None, description="The URL that serves the file")},
    )
    def get(self, request: Request, file_path: str) -> HttpResponse:
        """Redirect to where the file is served."""
        return _as_django(request, file_path)

    @extend_schema(exclude=True)
    def head(self, request: Request, file_path: str) -> HttpResponse:
        """Redirect to where the file is served."""
        return _as_django(request, file_path)


def _as_django(request: Request, file_path: str) -> HttpResponse:
    django: HttpRequest = request._request  # noqa: SLF001  DRF's own way to the raw request
    response = _answer_safely(django.method or "", file_path, django.META.get("QUERY_STRING", ""))
    return HttpResponse(response.body, status=response.status, headers=dict(response.headers))


def _answer_safely(method: str, path: str, query: str) -> Response:
    try:
        return answer(method, path, query)
    except ValueError:  # too many query parameters
        return _bad_type([])


def _bad_type(wanted: list[str]) -> Response:
    names = ", ".join(redirects.TARGET_TYPES)
    issue = Issue(
        loc=("query", "type"), code="enum", message=f"Must be one of {names}.", input=wanted
    )
    return _json(422, {"detail": [issue_as_json(issue)]})


def _refusal(status: int, detail: str, *headers: tuple[str, str]) -> Response:
    return _json(status, {"detail": detail}, *headers)


def _json(status: int, content: Any, *headers: tuple[str, str]) -> Response:
    body = json.dumps(content).encode()
    described = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status, [*described, *headers], body)
