"""Filters of entity lists."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from accounts.api.scopes import DeletedQuery, ScopedPageQuery
from catalog.models import Product
from catalog.rules.identifiers import clean_identifier

PRODUCT_SEARCH_FIELDS = ("name", "sku", "brand")


class EntityListQuery(ScopedPageQuery, DeletedQuery):
    """One page of an owner's entities, filtered by name."""

    search = serializers.CharField(
        max_length=255, required=False, allow_blank=True, help_text="Text contained in the name."
    )


class ProductListQuery(ScopedPageQuery, DeletedQuery):
    """One page of an owner's products, filtered by SKU, or by text in name, SKU or brand."""

    search = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        help_text="Text contained in the name, the SKU or the brand.",
    )
    sku = serializers.CharField(max_length=100, required=False, help_text="The exact SKU.")


def matching(rows: QuerySet[Any], query: Mapping[str, Any]) -> QuerySet[Any]:
    """Return the rows that match the query."""
    if sku := query.get("sku"):
        rows = rows.filter(sku=clean_identifier(sku))
    if text := query.get("search"):
        search_fields = PRODUCT_SEARCH_FIELDS if rows.model is Product else ("name",)
        conditions = [Q(**{f"{name}__icontains": text}) for name in search_fields]
        rows = rows.filter(Q(*conditions, _connector=Q.OR))
    return rows
