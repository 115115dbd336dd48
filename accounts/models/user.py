from typing import Any, ClassVar, Self
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Lower

from accounts.actions import AccountAction
from accounts.rules import normalize_email
from sartiq.core import events
from sartiq.core.models import TimestampedModel


class UserQuerySet(models.QuerySet["User"]):
    """Queries for users."""

    def with_email(self, email: str) -> Self:
        """Filter the user with this e-mail address, ignoring case."""
        # PostgreSQL lower-cases both sides, so the comparison agrees with the unique index.
        lowered = self.alias(lowered_email=Lower("email"))
        return lowered.filter(lowered_email=Lower(Value(normalize_email(email))))

    def not_deleted(self) -> Self:
        """Filter out deleted users."""
        return self.filter(deleted_at__isnull=True)


class UserManager(BaseUserManager["User"]):
    """Creates users, and queries them by e-mail address."""

    def get_queryset(self) -> UserQuerySet:
        """Return a UserQuerySet."""
        return UserQuerySet(self.model, using=self._db)

    def with_email(self, email: str) -> UserQuerySet:
        """Filter the user with this e-mail address."""
        return self.get_queryset().with_email(email)

    def not_deleted(self) -> UserQuerySet:
        """Filter out deleted users."""
        return self.get_queryset().not_deleted()

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail address."""
        return self.with_email(username or "").get()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a user; without a password they cannot sign in."""
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a user with all permissions, including the admin."""
        with transaction.atomic():
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            events.record(AccountAction.USER_CREATED, user, is_superuser=True)
        return user


class User(TimestampedModel, AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address.

    The row of a deleted user stays, because other rows refer to it as their creator: the user is
    disabled, the personal data is removed, and `deleted_at` is set.
    """

    email = models.EmailField(
        unique=True, error_messages={"unique": "A user with this e-mail already exists."}
    )
    full_name = models.CharField(max_length=255, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_unique",
                violation_error_message="A user with this e-mail already exists.",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def event_owner(self) -> tuple[UUID, None]:
        """The owner of events about this user: the user."""
        return self.pk, None

    def clean(self) -> None:
        """Normalize the address before it is validated as unique."""
        super().clean()
        self.email = normalize_email(self.email)

    def get_full_name(self) -> str:
        """Return the full name, or the address if there is none."""
        return self.full_name or self.email

    def get_short_name(self) -> str:
        """Return the first part of the name, or the address."""
        return self.full_name.partition(" ")[0] or self.email
