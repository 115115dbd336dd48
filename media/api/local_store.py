"""Views of the local store, which replace R2 and its public domain.

They are plain Django views: DRF would read the body of a PUT into memory. They exist only with
STORAGE=local.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from media.errors import PreconditionFailedError, UploadRefusedError
from media.rules.keys import is_public
from media.rules.limits import MAX_FILE_SIZE
from media.storage.factory import local_store
from media.storage.local.files import CHUNK_BYTES
from media.storage.local.store import LocalReader, LocalStore
from sartiq.core.errors import NotFoundError, SartiqError
from sartiq.core.http.exception_handler import json_error_response

OK: Final = 200
PARTIAL: Final = 206
PRECONDITION_FAILED: Final = 412
OUT_OF_RANGE: Final = 416
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")

P = ParamSpec("P")


def _json_errors(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Return errors as JSON, and 404 unless the local store is in use."""

    @wraps(view)
    def respond(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            if settings.STORAGE != "local":
                raise NotFoundError
            return view(request, *args, **kwargs)
        except PreconditionFailedError as error:  # the status of S3 for a second write-once PUT
            response = json_error_response(error)
            response.status_code = PRECONDITION_FAILED
            return response
        except SartiqError as error:
            return json_error_response(error)

    return respond


@csrf_exempt
@require_http_methods(["PUT"])
@_json_errors
def receive(request: HttpRequest, token: str) -> HttpResponseBase:
    """Store the body of a signed PUT."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        head = local_store(private=False).receive(token, headers, _chunks(request))
    except SartiqError:
        _drain(request)
        raise
    return HttpResponse(headers={"ETag": f'"{head.etag}"'})


@require_http_methods(["GET", "HEAD"])
@_json_errors
def serve(request: HttpRequest, key: str) -> HttpResponseBase:
    """Serve an object; a private key needs a signed URL."""
    store = local_store(private=not is_public(key))
    filename = _download_name(store, request, key)
    reader = store.open(key)
    try:
        return _object_response(request, reader, _headers(reader, filename))
    except BaseException:
        reader.close()
        raise


def _download_name(store: LocalStore, request: HttpRequest, key: str) -> str | None:
    """Return the file name in the token, None without one; a private key needs a token."""
    token = request.GET.get("token")
    if token is None and is_public(key):
        return None
    grant = store.read_get_token(token or "")
    if grant.key != key:
        raise UploadRefusedError
    return grant.filename


def _headers(reader: LocalReader, filename: str | None) -> dict[str, str]:
    disposition = reader.info.content_disposition
    if filename is not None:
        disposition = content_disposition_header(as_attachment=True, filename=filename)
    headers = {
        "Content-Type": reader.head.content_type,
        "ETag": f'"{reader.head.etag}"',
        "Last-Modified": http_date(reader.head.last_modified.timestamp()),
        "Cache-Control": reader.info.cache_control or "no-store",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    return headers | ({"Content-Disposition": disposition} if disposition else {})


def _object_response(
    request: HttpRequest, reader: LocalReader, headers: dict[str, str]
) -> HttpResponseBase:
    """Return the whole object, the requested range, or Not Modified."""
    conditional = get_conditional_response(
        request,
        etag=headers["ETag"],
        last_modified=int(reader.head.last_modified.timestamp()),
        response=HttpResponse(headers=headers),
    )
    if conditional is not None and conditional.status_code != OK:
        reader.close()
        return conditional
    size = reader.head.size
    span = _requested_range(request, headers["ETag"], size)
    if span is None:
        return _body_response(request, reader, headers | {"Content-Length": str(size)}, status=OK)
    if span.start >= span.stop:
        reader.close()
        return HttpResponse(status=OUT_OF_RANGE, headers={"Content-Range": f"bytes */{size}"})
    reader.narrow(span.start, len(span))
    headers |= {
        "Content-Length": str(len(span)),
        "Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}",
    }
    return _body_response(request, reader, headers, status=PARTIAL)


def _body_response(
    request: HttpRequest, reader: LocalReader, headers: dict[str, str], *, status: int
) -> HttpResponseBase:
    if request.method == "HEAD":
        reader.close()
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(reader, status=status, headers=headers)


def _requested_range(request: HttpRequest, etag: str, size: int) -> range | None:
    """Return the requested range, clipped to the object; None to serve all of it."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or match[0] == "bytes=-":
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    if not match[1]:
        return range(max(0, size - int(match[2])), size)
    stop = min(int(match[2]) + 1, size) if match[2] else size
    return range(int(match[1]), stop)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK_BYTES):
        yield chunk


def _drain(request: HttpRequest) -> None:
    """Read the rest of a rejected body: a client that is still sending would miss the response."""
    remaining = MAX_FILE_SIZE
    with suppress(UnreadablePostError):
        while remaining > 0 and (chunk := request.read(CHUNK_BYTES)):
            remaining -= len(chunk)
