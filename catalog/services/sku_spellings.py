"""Correction of SKUs stored before they were normalized, without merging products."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from catalog.rules.identifiers import clean_identifier

UNUSUAL = r"[^ -~]|^ | $"  # a character beyond printable ASCII, or a blank at either end


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """A product whose SKU is not normalized, and the product that has the normalized one."""

    product_id: UUID
    sku: str
    cleaned: str
    taken_by: UUID | None


@dataclass(kw_only=True)
class SpellingReport:
    """Products that can be renamed, and those whose SKU would equal another of their owner."""

    renamable: list[Spelling] = field(default_factory=list)
    colliding: list[Spelling] = field(default_factory=list)


def find_spellings(products: "QuerySet[Any]") -> SpellingReport:
    """Report the products whose SKU has invisible characters, outer blanks or is not composed.

    Takes the rows of `Product`, or of its historical model in a migration.
    """
    report = SpellingReport()
    for spelling in _spellings(products):
        (report.colliding if spelling.taken_by else report.renamable).append(spelling)
    return report


def rename(spellings: list[Spelling], products: "QuerySet[Any]") -> int:
    """Rename products whose cleaned SKU is free; return how many."""
    renamed = 0
    for each in spellings:
        try:
            with transaction.atomic():
                renamed += products.filter(pk=each.product_id, sku=each.sku).update(
                    sku=each.cleaned or None, updated_at=Now()
                )
        except IntegrityError:  # just taken: the next run reports it
            continue
    return renamed


def _spellings(products: "QuerySet[Any]") -> Iterator[Spelling]:
    planned: set[tuple[UUID | None, UUID | None, str]] = set()
    rows = products.filter(sku__regex=UNUSUAL).order_by("created_at", "pk")
    for product in rows.only("pk", "sku", "user_id", "organization_id").iterator():
        cleaned = clean_identifier(product.sku)
        if cleaned == product.sku:
            continue
        owner = (
            {"organization_id": product.organization_id}
            if product.organization_id
            else {"organization_id": None, "user_id": product.user_id}
        )
        taken = products.filter(**owner, sku=cleaned).values_list("pk", flat=True).first()
        key = (
            product.organization_id,
            None if product.organization_id else product.user_id,
            cleaned,
        )
        if taken is None and key in planned and cleaned:
            taken = product.pk  # the same as one that is renamed first
        planned.add(key)
        yield Spelling(product_id=product.pk, sku=product.sku, cleaned=cleaned, taken_by=taken)
