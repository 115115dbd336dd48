"""Presigned uploads: signed PUT requests to temporary keys.

How long a URL is valid and how large a file may be is in media/rules/limits.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.models import OwnerScope, User
from accounts.selectors import scope_for, scopes_for
from media import selectors
from media.errors import (
    FileTooLargeError,
    FileTooSmallError,
    OrganizationUnavailableError,
    SizeConflictError,
)
from media.models import Upload
from media.rules import keys, limits
from media.rules.file_types import content_types
from media.storage import ObjectHeaders, SignedPut, public_store
from sartiq.core.errors import InvalidError, InvalidValuesError, errors_located_at
from sartiq.core.models import new_id
from sartiq.core.statements import insert, insert_all

MAX_NAME_LENGTH = 255


@dataclass(frozen=True, kw_only=True)
class UploadTicket:
    """The signed request for one upload, and the URL to send to an entity afterwards."""

    upload_id: UUID
    put: SignedPut
    file_url: str
    lifetime: timedelta
    max_file_size: int = limits.MAX_FILE_SIZE


@dataclass(frozen=True, kw_only=True)
class DeclaredFile:
    """The file a client wants to upload; `size` is in bytes, `sha256` is hex."""

    filename: str
    content_type: str
    size: int | None = None
    sha256: str | None = None
    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class TicketRequest:
    """A file a client wants to upload, and the organization it is for."""

    file: DeclaredFile
    organization_id: UUID | None = None


class _SignedUpload(NamedTuple):
    """An upload that is not saved yet, and its ticket."""

    upload: Upload
    ticket: UploadTicket


def issue_ticket(
    *, user: User, file: DeclaredFile, now: datetime, organization_id: UUID | None = None
) -> UploadTicket:
    """Reserve a temporary key and sign one PUT to it.

    Raises subclasses of InvalidError for a type, folder, size or name that is not accepted and
    NotPermittedError for an organization the caller may not act in.
    """
    scope = scope_for(user, organization_id)
    upload, ticket = _sign(scope, file, now=now)
    insert(upload)
    return ticket


def issue_tickets(
    *,
    user: User,
    files: Sequence[DeclaredFile],
    now: datetime,
    organization_id: UUID | None = None,
) -> list[UploadTicket]:
    """Return a ticket for each file, all saved with one statement; all or none.

    Raises InvalidValuesError with the issues of all files, each located in `body`, `files`, index,
    and NotPermittedError for an organization the caller may not act in.
    """
    scope = scope_for(user, organization_id)
    results = [_sign_or_error(scope, file, now=now) for file in files]
    issues = [
        issue
        for index, result in enumerate(results)
        if isinstance(result, InvalidError)
        for issue in result.issues_at("body", "files", index)
    ]
    if issues:
        raise InvalidValuesError(issues)
    signed = [result for result in results if isinstance(result, _SignedUpload)]
    insert_all([result.upload for result in signed])
    return [result.ticket for result in signed]


def issue_tickets_or_errors(
    *, user: User, requests: Sequence[TicketRequest], now: datetime
) -> list[UploadTicket | InvalidError]:
    """Return for each file its ticket, or the reason why it gets none.

    Tickets are saved with one statement, and the organizations checked with one.
    """
    scopes = scopes_for(user, {request.organization_id for request in requests})
    results = [
        _sign_or_error(scope, request.file, now=now)
        if (scope := scopes.get(request.organization_id))
        else OrganizationUnavailableError(
            loc=("body", "organization_id"), value=str(request.organization_id)
        )
        for request in requests
    ]
    insert_all([result.upload for result in results if isinstance(result, _SignedUpload)])
    return [result.ticket if isinstance(result, _SignedUpload) else result for result in results]


def _sign_or_error(
    scope: OwnerScope, file: DeclaredFile, *, now: datetime
) -> _SignedUpload | InvalidError:
    try:
        return _sign(scope, file, now=now)
    except InvalidError as error:
        return error


def _sign(scope: OwnerScope, file: DeclaredFile, *, now: datetime) -> _SignedUpload:
    """Return a new upload, not saved yet, and its ticket."""
    with errors_located_at("body", "content_type"):
        content_types.require_acceptable(file.content_type, file.folder)
    _require_size(file.size, name="file_size")
    lifetime = limits.url_lifetime(file.size)
    upload = _new_upload(scope, file, now=now, lifetime=lifetime)
    put = public_store().sign_put(
        upload.key,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        lifetime=lifetime,
        write_once=settings.UPLOADS_WRITE_ONCE,
    )
    file_url = selectors.public_url(upload.key)
    return _SignedUpload(
        upload, UploadTicket(upload_id=upload.pk, put=put, file_url=file_url, lifetime=lifetime)
    )


def _new_upload(
    scope: OwnerScope, file: DeclaredFile, *, now: datetime, lifetime: timedelta
) -> Upload:
    upload_id = new_id()
    with errors_located_at("body", "filename"):
        key = keys.temp_key(
            file_id=upload_id, at=now, filename=file.filename, content_type=file.content_type
        )
    return Upload(
        id=upload_id,
        user_id=scope.user_id,
        organization_id=scope.organization_id,
        key=key,
        filename=file.filename[:MAX_NAME_LENGTH],
        folder=file.folder or "",
        content_type=file.content_type,
        declared_size=file.size,
        sha256=(file.sha256 or "").lower(),
        expires_at=now + lifetime,
    )


def save_fetched(
    *,
    user_id: UUID,
    organization_id: UUID | None,
    filename: str,
    content_type: str,
    body: BinaryIO,
    now: datetime,
) -> Upload:
    """Store a remote image that an import has downloaded, as one of the user's uploads.

    The row is saved first, so after a crash the object is cleaned up like any unused upload.
    """
    upload_id = new_id()
    upload = Upload(
        id=upload_id,
        user_id=user_id,
        organization_id=organization_id,
        key=keys.temp_key(file_id=upload_id, at=now, filename=filename, content_type=content_type),
        filename=filename[:MAX_NAME_LENGTH],
        content_type=content_type,
        expires_at=now + limits.FETCHED_UPLOAD_LIFETIME,
    )
    insert(upload)
    public_store().put(upload.key, body, headers=ObjectHeaders(content_type=content_type))
    return upload


def declared_size(*, size: int | None, file_size: int | None) -> int | None:
    """Return the size a client declared under either name.

    Raises SizeConflictError for two different sizes, and an error for a size outside the limits.
    """
    if size is not None and file_size is not None and size != file_size:
        raise SizeConflictError(loc=("body", "size"), value=size)
    _require_size(file_size, name="file_size")
    _require_size(size, name="size")
    return file_size if size is None else size


def _require_size(size: int | None, *, name: str) -> None:
    if size is None:
        return
    if size < limits.MIN_FILE_SIZE:
        raise FileTooSmallError(loc=("body", name), value=size)
    if size > limits.MAX_FILE_SIZE:
        raise FileTooLargeError(
            loc=("body", name), value=size, ctx={"max_file_size": limits.MAX_FILE_SIZE}
        )
