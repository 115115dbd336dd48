"""An organization with one of everything, and everybody who may knock at its door."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from rest_framework.test import APIClient

from accounts.models import Organization, Role, User
from accounts.tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    token_of,
)
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from exports.models import ExportConfiguration, MetadataAdapterVisibility
from media.models import MediaResource, ResourceStatus, ResourceType

PRINCIPALS: Final = (
    "anonymous",
    "disabled",
    "plain",
    "member",
    "admin",
    "owner",
    "stranger",  # an admin of another organization
    "superuser",
)


@dataclass(frozen=True, kw_only=True)
class World:
    """Rows to name in requests, and tokens to send them with."""

    organization: Organization
    people: dict[str, User]
    tokens: dict[str, str]
    ids: dict[str, UUID]

    def client(self, principal: str) -> APIClient:
        """Return a client that calls as the principal."""
        client = APIClient(raise_request_exception=False)
        if principal in self.tokens:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.tokens[principal]}")
        return client


def build() -> World:
    """Store the organization's people and one object of each kind."""
    organization, elsewhere = OrganizationFactory.create(), OrganizationFactory.create()
    people = {
        "disabled": UserFactory.create(),
        "plain": UserFactory.create(),
        "member": _member(organization, Role.MEMBER),
        "admin": _member(organization, Role.ADMIN),
        "owner": _member(organization, Role.OWNER),
        "stranger": _member(elsewhere, Role.ADMIN),
        "superuser": UserFactory.create(superuser=True),
    }
    tokens = {name: token_of(user) for name, user in people.items()}
    people["disabled"].is_active = False
    people["disabled"].save()
    colleague = _member(organization, Role.MEMBER)
    newcomer = UserFactory.create()
    owned: dict[str, Any] = {"user": people["owner"], "organization": organization}
    return World(
        organization=organization,
        people=people,
        tokens=tokens,
        ids={
            "organization": organization.pk,
            "colleague": colleague.pk,
            "newcomer": newcomer.pk,
            "plain": people["plain"].pk,
            "product": Product.objects.create(name="Shoe", sku="S-1", brand="Us", **owned).pk,
            "subject": Subject.objects.create(name="Ada", slug="ada", **owned).pk,
            "look": Look.objects.create(name="Summer", **owned).pk,
            "guideline": Guideline.objects.create(name="White", **owned).pk,
            "request": ProductionRequest.objects.create(name="Run", **owned).pk,
            "resource": _resource(owned).pk,
            "configuration": ExportConfiguration.objects.create(**owned).pk,
            **_personal_configurations(people | {"colleague": colleague, "newcomer": newcomer}),
            "visibility": MetadataAdapterVisibility.objects.create(code="ovs").pk,
            "missing": uuid4(),
        },
    )


def _personal_configurations(people: dict[str, User]) -> dict[str, UUID]:
    """Give some a configuration of their own; the others have none."""
    return {
        f"configuration_of_{name}": ExportConfiguration.objects.create(user=people[name]).pk
        for name in ("plain", "superuser", "colleague", "newcomer")
    }


def _member(organization: Organization, role: Role) -> User:
    user: User = MembershipFactory.create(organization=organization, role=role).user
    return user


def _resource(owned: dict[str, Any]) -> MediaResource:
    return MediaResource.objects.create(
        **owned,
        resource_type=ResourceType.IMAGE,
        storage_key="media/one/file.webp",
        content_hash="a" * 64,
        etag="b" * 32,
        content_type="image/webp",
        extension="webp",
        file_size=100,
        status=ResourceStatus.READY,
    )
