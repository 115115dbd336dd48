"""The users of development, demonstrations and end-to-end tests."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import Membership, Organization, Role, User

SUPERUSER, OWNER, MEMBER, OUTSIDER = "superuser", "owner", "member", "outsider"
CAST = (SUPERUSER, OWNER, MEMBER, OUTSIDER)
DOMAIN = "demo.sartiq.example"


@dataclass(frozen=True, kw_only=True)
class DevUsers:
    """The organization and the sign-in data of each user."""

    organization_id: UUID
    other_organization_id: UUID
    emails: dict[str, str]
    password: str


def create(*, password: str) -> DevUsers:
    """Create or restore the users; safe to repeat."""
    with transaction.atomic():
        people = {name: _person(name, password) for name in CAST}
        studio = _organization("Demo Studio", "demo-studio")
        other = _organization("Other Studio", "other-studio")
        _place(studio, people[OWNER], Role.OWNER)
        _place(studio, people[MEMBER], Role.MEMBER)
        _place(other, people[OUTSIDER], Role.OWNER)
    return DevUsers(
        organization_id=studio.pk,
        other_organization_id=other.pk,
        emails={name: user.email for name, user in people.items()},
        password=password,
    )


def email_of(name: str) -> str:
    """Return the e-mail address of one of the users."""
    return f"{name}@{DOMAIN}"


def _person(name: str, password: str) -> User:
    user = User.objects.with_email(email_of(name)).first() or User(email=email_of(name))
    user.full_name = user.full_name or f"Demo {name.title()}"
    user.is_active = True
    user.is_staff = user.is_superuser = name == SUPERUSER
    # A new hash would end the current sessions of the demo users.
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    return user


def _organization(name: str, slug: str) -> Organization:
    return Organization.objects.get_or_create(slug=slug, defaults={"name": name})[0]


def _place(organization: Organization, user: User, role: Role) -> None:
    Membership.objects.update_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
