"""The users of the model, and three tenants: two organizations and one user's own files."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    client_of,
)

STUDIO, LABEL, PERSONAL = "studio", "label", "personal"
# Who may act for which tenant. Anna also has personal files, which are a tenant of their own.
SCOPES: Final = {"anna": (STUDIO, PERSONAL), "alan": (STUDIO,), "ben": (LABEL,)}
USER_SCOPES: Final = tuple((user, scope) for user, scopes in SCOPES.items() for scope in scopes)


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """The rows of the users and organizations, which no rule changes."""

    users: dict[str, User]
    organizations: dict[str, UUID | None]

    def client(self, user: str) -> APIClient:
        """Return a client that is signed in as the user."""
        return client_of(self.users[user])

    def owner_id(self, scope: str) -> UUID:
        """Return the organization's id, or Anna's for her own rows."""
        return self.organizations[scope] or self.users["anna"].pk

    def query(self, scope: str) -> str:
        """Return the query string that selects a tenant."""
        organization = self.organizations[scope]
        return f"?organization_id={organization}" if organization else ""


def create() -> Tenants:
    """Create the users and organizations."""
    users = {name: UserFactory.create() for name in SCOPES}
    users["root"] = UserFactory.create(superuser=True)
    organizations: dict[str, UUID | None] = {PERSONAL: None}
    for scope in (STUDIO, LABEL):
        organization = OrganizationFactory.create()
        organizations[scope] = organization.pk
        for name, scopes in SCOPES.items():
            if scope in scopes:
                MembershipFactory.create(user=users[name], organization=organization)
    return Tenants(users=users, organizations=organizations)
