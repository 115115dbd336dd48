"""Creation and changes of organizations."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts import selectors
from accounts.actions import AccountAction
from accounts.errors import OrganizationNotFoundError, SlugTakenError
from accounts.models import Membership, Organization, Role, User
from sartiq.core import events
from sartiq.core.preconditions import Precondition, unconditional

MAX_DERIVED_SLUG_LENGTH = 80  # of 100, which leaves room for a suffix
MAX_SUFFIXES = 3  # random suffixes to try


def create(*, owner: User, name: str, slug: str | None = None) -> Organization:
    """Create an organization with its first owner. Raises SlugTakenError."""
    organization = Organization(name=name)
    with transaction.atomic():
        _save_with_free_slug(organization, [slug.lower()] if slug else _slug_candidates(name))
        membership = Membership.objects.create(
            organization=organization, user=owner, role=Role.OWNER
        )
        events.record(AccountAction.ORGANIZATION_CREATED, organization)
        events.record(AccountAction.MEMBER_ADDED, membership, role=Role.OWNER)
    return organization


def change(
    *,
    actor: User,
    organization_id: UUID,
    precondition: Precondition = unconditional,
    **changes: Any,
) -> Organization:
    """Change the name or the slug; the actor must be an owner, admin or superuser."""
    selectors.require_manager(actor, organization_id)
    with transaction.atomic():
        organization = Organization.objects.select_for_update().filter(pk=organization_id).first()
        if organization is None:
            raise OrganizationNotFoundError
        precondition(organization)
        organization.name = changes.get("name", organization.name)
        organization.slug = changes.get("slug", organization.slug).lower()
        _save(organization)
        events.record(AccountAction.ORGANIZATION_UPDATED, organization, fields=sorted(changes))
    return organization


def _save(organization: Organization) -> None:
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError:
        others = Organization.objects.filter(slug=organization.slug)
        if others.exclude(pk=organization.pk).exists():
            raise SlugTakenError from None
        raise


def _save_with_free_slug(organization: Organization, slugs: Sequence[str]) -> None:
    """Save with the first slug that is free; checking before would race with other requests."""
    *earlier, last = slugs
    for slug in earlier:
        organization.slug = slug
        with suppress(SlugTakenError):
            _save(organization)
            return
    organization.slug = last
    _save(organization)


def _slug_candidates(name: str) -> list[str]:
    stem = slugify(name)[:MAX_DERIVED_SLUG_LENGTH].strip("-_") or "organization"
    return [stem, *(f"{stem}-{secrets.token_hex(4)}" for _ in range(MAX_SUFFIXES))]
