"""Send the request of a row of the permission matrix."""

import json
from typing import Any, cast
from urllib.parse import urlencode

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.api.routes import all_routes
from tests.api.rows import Row
from tests.api.world import World

ROUTES = {str(route): route for route in all_routes()}


def fill_ids(text: str, row: Row, world: World) -> str:
    """Replace the placeholders in a path, query or body by the ids of the sample data."""
    for parameter, name in row.ids.items():
        text = text.replace(f"{{{parameter}}}", str(world.ids[name]))
    for name, value in world.ids.items():
        text = text.replace(f"{{{name}}}", str(value))
    return (
        text.replace("{token}", "none")
        .replace("{key}", "media/a")
        .replace("{file_path}", "a")
        .replace("{code}", "ovs")
    )


def body_of(row: Row, world: World) -> dict[str, Any]:
    """Return the row's body as arguments for the test client."""
    if row.parts is not None:
        return _form(row.parts, row, world)
    if row.body is None:
        return {}
    if row.form:
        return {
            "data": urlencode(row.body),
            "content_type": "application/x-www-form-urlencoded",
        }
    return {"data": fill_ids(json.dumps(row.body), row, world), "content_type": "application/json"}


def _form(parts: dict[str, str], row: Row, world: World) -> dict[str, Any]:
    fields = {name: fill_ids(text, row, world) for name, text in parts.items()}
    table = SimpleUploadedFile("products.csv", fields.pop("file").encode())
    body = encode_multipart(BOUNDARY, {**fields, "file": table})
    return {"data": body, "content_type": MULTIPART_CONTENT}


def path_of(row: Row, world: World) -> str:
    """Return the row's path with its query."""
    return fill_ids(ROUTES[row.route].path + row.query, row, world)


def response_to(
    row: Row, principal: str, world: World, *, method: str = "", path: str = ""
) -> HttpResponse:
    """Send one request as the principal and roll back what it changed."""
    client = world.client(principal)
    chosen_method = method or ROUTES[row.route].method
    with transaction.atomic():
        response = client.generic(chosen_method, path or path_of(row, world), **body_of(row, world))
        complete_response = _without_streaming(response)
        transaction.set_rollback(True)
    return complete_response


def _without_streaming(response: Any) -> HttpResponse:
    """Return a streamed response with its whole body, read before its rows are rolled back."""
    if not response.streaming:
        return cast("HttpResponse", response)
    body = b"".join(response.streaming_content)
    return HttpResponse(body, status=response.status_code, headers=response.headers)
