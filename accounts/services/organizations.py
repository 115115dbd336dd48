"""Creating and changing organizations."""

import secrets
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts import selectors
from accounts.errors import OrganizationNotFoundError, SlugTakenError
from accounts.models import Membership, Organization, Role, User

LONGEST_DERIVED_SLUG = 80  # of 100, so a suffix fits


def create(*, owner: User, name: str, slug: str | None = None) -> Organization:
    """Store an organization with its first owner. Raises SlugTakenError."""
    organization = Organization(name=name, slug=slug.lower() if slug else _free_slug(name))
    with transaction.atomic():
        _save(organization)
        Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
    return organization


def change(*, actor: User, organization_id: UUID, **facts: Any) -> Organization:
    """Change the name or the slug as one who manages the organization."""
    selectors.require_manager(actor, organization_id)
    with transaction.atomic():
        organization = Organization.objects.select_for_update().filter(pk=organization_id).first()
        if organization is None:
            raise OrganizationNotFoundError
        organization.name = facts.get("name", organization.name)
        organization.slug = facts.get("slug", organization.slug).lower()
        _save(organization)
    return organization


def _save(organization: Organization) -> None:
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError:
        namesakes = Organization.objects.filter(slug=organization.slug)
        if namesakes.exclude(pk=organization.pk).exists():
            raise SlugTakenError from None
        raise


def _free_slug(name: str) -> str:
    base = slugify(name)[:LONGEST_DERIVED_SLUG].strip("-_") or "organization"
    if not Organization.objects.filter(slug=base).exists():
        return base
    return f"{base}-{secrets.token_hex(4)}"
