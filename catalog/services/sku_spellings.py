"""Correction of SKUs stored before they were normalized, without merging products."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from catalog.actions import CatalogAction
from catalog.rules.identifiers import clean_identifier
from sartiq.core import events

UNUSUAL = r"[^ -~]|^ | $"  # a character other than printable ASCII, or a space at either end


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """A product whose SKU is not normalized, and the product that has the normalized one."""

    product_id: UUID
    sku: str
    cleaned: str
    conflicting_id: UUID | None


@dataclass(kw_only=True)
class SpellingReport:
    """Products that can be renamed, and those whose SKU would equal another of their owner."""

    renamable: list[Spelling] = field(default_factory=list)
    colliding: list[Spelling] = field(default_factory=list)


def find_spellings(products: "QuerySet[Any]") -> SpellingReport:
    """Report the products whose SKU is not normalized.

    Takes rows of `Product`, or of its historical model in a migration.
    """
    report = SpellingReport()
    for spelling in _spellings(products):
        (report.colliding if spelling.conflicting_id else report.renamable).append(spelling)
    return report


def rename(spellings: list[Spelling], products: "QuerySet[Any]") -> int:
    """Rename products whose cleaned SKU is free; return how many."""
    renamed = 0
    for spelling in spellings:
        try:
            with transaction.atomic():
                renamed += _rename(spelling, products)
        except IntegrityError:  # another product just took this SKU: the next run reports it
            continue
    return renamed


def _rename(spelling: Spelling, products: "QuerySet[Any]") -> int:
    rows = products.filter(pk=spelling.product_id, sku=spelling.sku)
    product = rows.select_for_update(of=("self",), no_key=True).first()
    if product is None:  # just changed
        return 0
    rows.update(sku=spelling.cleaned or None, updated_at=Now())
    events.record(CatalogAction.PRODUCT_UPDATED, product, fields=["sku"])
    return 1


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
        conflicting_id = products.filter(**owner, sku=cleaned).values_list("pk", flat=True).first()
        key = (
            product.organization_id,
            None if product.organization_id else product.user_id,
            cleaned,
        )
        if conflicting_id is None and key in planned and cleaned:
            conflicting_id = product.pk  # an earlier product gets this SKU
        planned.add(key)
        yield Spelling(
            product_id=product.pk, sku=product.sku, cleaned=cleaned, conflicting_id=conflicting_id
        )
