"""The family of errors the product raises by meaning.

Services raise these; only `sartiq.core.http.exception_handler` knows which status and body
each becomes on the wire.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

Loc = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One issue in what the caller sent.

    `loc` starts with `body`, `path`, `query` or `header`; `code` is one of the closed set in
    `sartiq.core.api.issue_codes`; `message` never repeats a URL or a secret: the value goes in
    `input`.
    """

    loc: Loc
    code: str
    message: str
    input: Any = None
    ctx: Mapping[str, Any] = field(default_factory=dict)


class SartiqError(Exception):
    """Raised as the base of every error the product names."""

    message: ClassVar[str] = "The request could not be completed."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    @property
    def detail(self) -> str:
        """Return the sentence shown to the caller."""
        return str(self.args[0])


class InvalidError(SartiqError):
    """Raised when one value the caller sent is refused.

    Subclasses name a `code` and a `message`; an edge that knows where the value stood adds `loc`
    with `at`.
    """

    code: ClassVar[str] = "value_error"
    message: ClassVar[str] = "The value is not valid."

    def __init__(
        self,
        message: str | None = None,
        *,
        loc: Loc = ("body",),
        value: Any = None,
        ctx: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.loc = loc
        self.value = value
        self.ctx = dict(ctx or {})

    def at(self, *loc: str | int, value: Any = None) -> Issue:
        """Return this error as an issue at `loc`."""
        input_value = self.value if value is None else value
        return Issue(loc=loc, code=self.code, message=self.detail, input=input_value, ctx=self.ctx)

    @property
    def issues(self) -> Sequence[Issue]:
        """Return the issues to show, one or many."""
        return [self.at(*self.loc)]


class InvalidManyError(InvalidError):
    """Raised when several values of one request are refused together."""

    message: ClassVar[str] = "Some values are not valid."

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__()
        self._issues = tuple(issues)

    @property
    def issues(self) -> Sequence[Issue]:
        """Return every issue, in the order of the request."""
        return self._issues


class NotAuthenticatedError(SartiqError):
    """Raised when a caller must say who they are."""

    message = "Not authenticated"


class NotPermittedError(SartiqError):
    """Raised when a known scope is closed to the caller."""

    message = "Not enough permissions"


class NotFoundError(SartiqError):
    """Raised when an object does not exist for the caller."""

    message = "Not found"


class ConflictError(SartiqError):
    """Raised when the state of things forbids the request now."""

    message = "The request conflicts with the current state."


class GoneError(SartiqError):
    """Raised when a retired route is called."""

    message = "This route is retired."


class ResourceChangedError(SartiqError):
    """Raised when the resource is not what the request's If-Match or If-None-Match requires."""

    message = "The resource does not meet the condition of the request. Read it again, then repeat."


class BodyLengthMissingError(SartiqError):
    """Raised when a request body comes in chunks without saying how long it is.

    The WSGI server would hand it on as an empty body: a change would be lost without a word.
    """

    message = "Send the body with a Content-Length."


class RequestTooLargeError(SartiqError):
    """Raised when a request body exceeds its limit."""

    message = "The request body is too large."


class UnsupportedTypeError(SartiqError):
    """Raised when a request body comes in a media type the route does not read."""

    message = "Unsupported media type."


class RetryLaterError(SartiqError):
    """Raised when the same request may succeed after a pause."""

    retry_after: timedelta = timedelta(seconds=5)

    def __init__(self, message: str | None = None, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


class TooManyRequestsError(RetryLaterError):
    """Raised when the caller exceeds a rate or a quota."""

    message = "Too many requests"


class UnavailableError(RetryLaterError):
    """Raised when a dependency (database, object store) does not answer.

    The store refused our own request, so our settings have to change.
    """

    message = "Service temporarily unavailable"
    is_refusal: ClassVar[bool] = False


class ContentionError(UnavailableError):
    """Raised when others changed the same rows at the same time."""


@contextmanager
def errors_located_at(*loc: str | int) -> Iterator[None]:
    """Say where in the request the value stood that the block refuses."""
    try:
        yield
    except InvalidError as error:
        error.loc = loc
        raise
