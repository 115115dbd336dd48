"""Redirects of `/files/{path}`.

`respond` runs on the event loop; a Django view takes six times as long. The view handles other
methods, CORS requests and unknown hosts.
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

from media.rules.addresses import files_redirects
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.asgi.django_threads import Response
from sartiq.core.errors import Issue
from sartiq.core.http.exception_handler import issue_as_json

PREFIX = "/files/"


def redirect(method: str, path: str, query: str) -> Response:
    """Return the redirect for a percent-decoded path below `/files/`, or an error."""
    if method not in {"GET", "HEAD"}:
        return _error(405, f'Method "{method}" not allowed.', ("Allow", "GET, HEAD"))
    parameters = parse_qs(query, keep_blank_values=True, max_num_fields=20) if query else {}
    types = parameters.get("type", [])
    if types and (len(types) > 1 or types[0] not in files_redirects.TARGET_TYPES):
        return _invalid_type(types)
    location = files_redirects.target(
        path,
        image_format=types[0] if types else None,
        cdn_url=settings.CDN_URL,
        plain_url=settings.R2_PUBLIC_URL,
        transforms=settings.CLOUDFLARE_IMAGE_TRANSFORMATIONS,
    )
    if location is None:
        return _error(404, "File not found")
    cache_header = ("Cache-Control", files_redirects.cache_control(path))
    return Response(302, [("Location", location), cache_header, ("Content-Length", "0")])


def respond(method: str, path: str, query: str) -> Response:
    """Return the response to a request handled on the event loop; `path` is percent-decoded."""
    response = _redirect_or_error(method, path.removeprefix(PREFIX), query)
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
                enum=list(files_redirects.TARGET_TYPES),
                description="Target image format",
            )
        ],
        responses={302: OpenApiResponse(response=None, description="The URL that serves the file")},
    )
    def get(self, request: Request, file_path: str) -> HttpResponse:
        """Redirect to the URL that serves the file."""
        return _as_django(request, file_path)

    @extend_schema(exclude=True)
    def head(self, request: Request, file_path: str) -> HttpResponse:
        """Redirect to the URL that serves the file."""
        return _as_django(request, file_path)


def _as_django(request: Request, file_path: str) -> HttpResponse:
    django_request: HttpRequest = request._request  # noqa: SLF001  DRF has no public name for it
    response = _redirect_or_error(
        django_request.method or "", file_path, django_request.META.get("QUERY_STRING", "")
    )
    return HttpResponse(response.body, status=response.status, headers=dict(response.headers))


def _redirect_or_error(method: str, path: str, query: str) -> Response:
    try:
        return redirect(method, path, query)
    except ValueError:  # too many query parameters
        return _invalid_type([])


def _invalid_type(types: list[str]) -> Response:
    names = ", ".join(files_redirects.TARGET_TYPES)
    issue = Issue(
        loc=("query", "type"), code="enum", message=f"Must be one of {names}.", input=types
    )
    return _json(422, {"detail": [issue_as_json(issue)]})


def _error(status: int, detail: str, *headers: tuple[str, str]) -> Response:
    return _json(status, {"detail": detail}, *headers)


def _json(status: int, content: Any, *headers: tuple[str, str]) -> Response:
    body = json.dumps(content).encode()
    content_headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status, [*content_headers, *headers], body)
