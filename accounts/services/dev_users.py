"""Creation of the users for development, the demo and end-to-end tests."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import Membership, Organization, Role, User

SUPERUSER, OWNER, MEMBER, OUTSIDER = "superuser", "owner", "member", "outsider"
NAMES = (SUPERUSER, OWNER, MEMBER, OUTSIDER)
DOMAIN = "demo.sartiq.example"


@dataclass(frozen=True, kw_only=True)
class DevUsers:
    """The organizations, and the credentials of each user."""

    organization_id: UUID
    other_organization_id: UUID
    emails: dict[str, str]
    password: str


def create(*, password: str) -> DevUsers:
    """Create or restore the users; safe to repeat."""
    with transaction.atomic():
        users = {name: _user(name, password) for name in NAMES}
        studio = _organization("Demo Studio", "demo-studio")
        other = _organization("Other Studio", "other-studio")
        _set_role(studio, users[OWNER], Role.OWNER)
        _set_role(studio, users[MEMBER], Role.MEMBER)
        _set_role(other, users[OUTSIDER], Role.OWNER)
    return DevUsers(
        organization_id=studio.pk,
        other_organization_id=other.pk,
        emails={name: user.email for name, user in users.items()},
        password=password,
    )


def email_of(name: str) -> str:
    """Return the e-mail address of one of the users."""
    return f"{name}@{DOMAIN}"


def _user(name: str, password: str) -> User:
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


def _set_role(organization: Organization, user: User, role: Role) -> None:
    Membership.objects.update_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
