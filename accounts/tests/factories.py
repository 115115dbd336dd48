"""Rows of the accounts for the tests of every app."""

from typing import Any

from factory.declarations import Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory
from rest_framework.test import APIClient

from accounts.models import Membership, Organization, Role, User
from accounts.services import sessions

PASSWORD = "correct-horse-battery"


class UserFactory(DjangoModelFactory[User]):
    """A user who signs in with PASSWORD."""

    class Meta:
        model = User

    email = Sequence(lambda n: f"User{n}@example.com")
    full_name = Sequence(lambda n: f"User {n}")

    class Params:
        superuser = Trait(is_superuser=True, is_staff=True)

    @classmethod
    def _create(cls, model_class: type[User], *_args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", PASSWORD)
        return model_class.objects.create_user(password=password, **kwargs)


class OrganizationFactory(DjangoModelFactory[Organization]):
    """An organization without members."""

    class Meta:
        model = Organization

    name = Sequence(lambda n: f"Studio {n}")
    slug = Sequence(lambda n: f"studio-{n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    """A plain member of a new organization."""

    class Meta:
        model = Membership

    user = SubFactory(UserFactory)
    organization = SubFactory(OrganizationFactory)
    role = Role.MEMBER


def token_of(user: User) -> str:
    """Return an access token, as a sign-in would."""
    return sessions.open_session(user=user).access_token


def client_of(user: User | None = None) -> APIClient:
    """Return a client that calls as the user, without one anonymously."""
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    return client
