import django_filters
from django.db.models import Q, QuerySet

from catalog.models import CatalogEntity, Product


class EntityFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Narrows a list of entities by their name."""

    search = django_filters.CharFilter(method="named_like", max_length=255)

    class Meta:
        model = CatalogEntity
        fields: list[str] = []

    def named_like(
        self, rows: QuerySet[CatalogEntity], name: str, value: str
    ) -> QuerySet[CatalogEntity]:
        """Keep those whose name holds the text."""
        return rows.filter(name__icontains=value)


class ProductFilter(EntityFilter):
    """Narrows a list of products by SKU, or by text in name, SKU or brand."""

    sku = django_filters.CharFilter(field_name="sku", max_length=100)

    class Meta:
        model = Product
        fields: list[str] = []

    def named_like(
        self, rows: QuerySet[CatalogEntity], name: str, value: str
    ) -> QuerySet[CatalogEntity]:
        """Keep those whose name, SKU or brand holds the text."""
        return rows.filter(
            Q(name__icontains=value) | Q(sku__icontains=value) | Q(brand__icontains=value)
        )
