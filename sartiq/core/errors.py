"""Domain exceptions.

Services raise these; only `sartiq.core.http.exception_handler` maps them to a status and a body.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

Loc = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One problem in a request.

    `loc` starts with `body`, `path`, `query` or `header`; `code` is one of the codes
    in `sartiq.core.api.issue_codes`; `message` never contains a URL or a secret, only `input` does.
    """

    loc: Loc
    code: str
    message: str
    input: Any = None
    ctx: Mapping[str, Any] = field(default_factory=dict)


class SartiqError(Exception):
    """Base class of all domain exceptions."""

    message: ClassVar[str] = "The request could not be completed."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    @property
    def detail(self) -> str:
        """Return the sentence shown to the caller."""
        return str(self.args[0])


class InvalidError(SartiqError):
    """Raised when a value in the request is invalid.

    Subclasses set a `code` and a `message`; code that knows the location of the value adds it with
    `at`.
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
        """Return the issues to report, one or several."""
        return [self.at(*self.loc)]

    def issues_at(self, *loc: str | int) -> list[Issue]:
        """Return the issues of a value that is at `loc`, not the whole body of the request."""
        return [replace(issue, loc=(*loc, *issue.loc[1:])) for issue in self.issues]


class InvalidValuesError(InvalidError):
    """Raised with every invalid value of a request."""

    message: ClassVar[str] = "Some values are not valid."

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__()
        self._issues = tuple(issues)

    @property
    def issues(self) -> Sequence[Issue]:
        """Return every issue, in the order of the request."""
        return self._issues


class NotAuthenticatedError(SartiqError):
    """Raised when a request needs authentication."""

    message = "Not authenticated"


class NotPermittedError(SartiqError):
    """Raised when the caller lacks permission."""

    message = "Not enough permissions"


class NotFoundError(SartiqError):
    """Raised when an object does not exist for the caller."""

    message = "Not found"


class ConflictError(SartiqError):
    """Raised when the request conflicts with the current state."""

    message = "The request conflicts with the current state."


class GoneError(SartiqError):
    """Raised when a retired route is called."""

    message = "This route is retired."


class ResourceChangedError(SartiqError):
    """Raised when the resource is not what the request's If-Match or If-None-Match requires."""

    message = "The resource does not meet the condition of the request. Read it again, then repeat."


class BodyLengthMissingError(SartiqError):
    """Raised when a request has a chunked body without a Content-Length.

    WSGI would pass it on as an empty body, and a change would be lost silently.
    """

    message = "Send the body with a Content-Length."


class RequestTooLargeError(SartiqError):
    """Raised when a request body exceeds its limit."""

    message = "The request body is too large."


class UnsupportedTypeError(SartiqError):
    """Raised when a request body has a media type that the route does not accept."""

    message = "Unsupported media type."


class RetryLaterError(SartiqError):
    """Raised when the same request may succeed later."""

    retry_after: timedelta = timedelta(seconds=5)

    def __init__(self, message: str | None = None, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


class TooManyRequestsError(RetryLaterError):
    """Raised when the caller exceeds a rate or a quota."""

    message = "Too many requests"


class UnavailableError(RetryLaterError):
    """Raised when a dependency (database, object store) is unavailable.

    `is_refusal` is True if the store rejected our request, which only new settings can fix.
    """

    message = "Service temporarily unavailable"
    is_refusal: ClassVar[bool] = False


class ContentionError(UnavailableError):
    """Raised when concurrent requests changed the same rows."""


@contextmanager
def errors_located_at(*loc: str | int) -> Iterator[None]:
    """Set the location of the invalid value that the block raises an error for."""
    try:
        yield
    except InvalidError as error:
        error.loc = loc
        raise
