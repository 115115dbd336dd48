"""Errors of the accounts app."""

from typing import ClassVar

from sartiq.core.errors import (
    ConflictError,
    InvalidError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    TooManyRequestsError,
)


class CredentialsError(NotAuthenticatedError):
    """Raised when a token is invalid or expired, or its user is disabled."""

    message = "Could not validate credentials"


class WrongPasswordError(NotAuthenticatedError):
    """Raised when the e-mail address or the password is wrong."""

    message = "Incorrect email or password"


class LockedOutError(TooManyRequestsError):
    """Raised after too many wrong passwords for one e-mail address from one IP address."""

    message = "Too many failed sign-ins. Try again later."


class UserNotFoundError(NotFoundError):
    """Raised when no user has the id."""

    message = "User not found"


class OrganizationNotFoundError(NotFoundError):
    """Raised for superusers when no organization has the id."""

    message = "Organization not found"


class MemberNotFoundError(NotFoundError):
    """Raised when the user is not a member of the organization."""

    message = "Member not found"


class EmailTakenError(ConflictError):
    """Raised when another user has the address."""

    message = "A user with this e-mail already exists"


class SlugTakenError(ConflictError):
    """Raised when another organization has the slug."""

    message = "An organization with this slug already exists"


class AlreadyMemberError(ConflictError):
    """Raised when the user is already a member."""

    message = "The user is already a member"


class LastOwnerError(ConflictError):
    """Raised when a change would leave an organization's members without an owner."""

    message = "An organization needs at least one owner"


class LastSuperuserError(ConflictError):
    """Raised when a change would leave no active superuser."""

    message = "At least one active superuser is needed"


class OwnerRoleReservedError(NotPermittedError):
    """Raised when someone who is not an owner grants, changes or removes an owner."""


class WeakPasswordError(InvalidError):
    """Raised when a new password is too weak."""

    code: ClassVar[str] = "password"
    message: ClassVar[str] = "This password is too weak."


class CurrentPasswordError(InvalidError):
    """Raised when the current password is missing or wrong."""

    code: ClassVar[str] = "password"
    message: ClassVar[str] = "The current password is not correct."


class UnknownUserError(InvalidError):
    """Raised when a body names a user who does not exist."""

    code: ClassVar[str] = "not_found"
    message: ClassVar[str] = "There is no active user with this id or e-mail address."
