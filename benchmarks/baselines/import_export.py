"""django-import-export as a baseline, in three variants.

`tuned` uses its options for bulk imports, `skipping` also those for unchanged rows, and `rewritten`
also replaces its hooks. `python -m benchmarks.baselines.import_export VARIANT TABLE ORGANIZATION
EMAIL` imports one table and prints, as JSON, the seconds, the CPU seconds, the growth of its memory
and the outcomes of the rows.
"""

import json
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.exceptions import ValidationError  # noqa: E402  Django first
from import_export import fields, resources, results  # noqa: E402  Django first
from import_export.instance_loaders import BaseInstanceLoader  # noqa: E402  Django first
from tablib import Dataset  # noqa: E402  Django first

from accounts.models import User  # noqa: E402  Django first
from benchmarks import usage  # noqa: E402  Django first
from bulkupload.rules.rows.columns import BY_FIELD, ROW_FIELDS, CellError, Column  # noqa: E402  Django first
from catalog.models import Product  # noqa: E402  Django first

BATCH = 1000


class CheckedField(fields.Field):  # type: ignore[misc,unused-ignore]  # carries no types
    """A field that checks its cell as the product does."""

    def __init__(self, column: Column) -> None:
        super().__init__(attribute=column.field, column_name=column.field)
        self._checks = column

    def clean(self, row: dict[str, str], **kwargs: Any) -> str:
        try:
            return self._checks.clean(row[self.column_name])
        except CellError as error:
            raise ValueError(error.message) from None

    def save(self, instance: Product, row: dict[str, str], *_: object, **kwargs: Any) -> None:
        setattr(instance, self.attribute, self.clean(row))


class BatchLoader(BaseInstanceLoader):  # type: ignore[misc,unused-ignore]  # carries no types
    """Finds the products of a thousand rows in one query, when the first one is needed."""

    def __init__(self, resource: Any, dataset: Dataset) -> None:
        super().__init__(resource, dataset)
        self._skus = iter([sku.strip() for sku in dataset["sku"]])
        self._batch: dict[str, Product | None] = {}

    def get_instance(self, row: dict[str, str]) -> Product | None:
        sku = row["sku"].strip()
        if sku not in self._batch:
            self._batch = dict.fromkeys(islice(self._skus, BATCH))
            products = self.resource.get_queryset().filter(sku__in=list(self._batch))
            self._batch |= {product.sku: product for product in products}
        return self._batch[sku]


class ResultWithoutRows(results.Result):  # type: ignore[misc,unused-ignore]  # carries no types
    """Keeps the refused rows and the counts, but not the results of all rows."""

    def append_row_result(self, row_result: Any) -> None:
        pass


class RowResultWithoutInfo(results.RowResult):  # type: ignore[misc,unused-ignore]  # carries no types
    """Does not render the product, which only the admin's report needs."""

    def add_instance_info(self, instance: Product) -> None:
        pass


class TunedResource(resources.ModelResource):  # type: ignore[misc,unused-ignore]  # no types
    """Products of one organization by SKU, read and written in batches of a thousand.

    `full_clean` checks neither the owners nor uniqueness: that would take three queries per row.
    """

    def __init__(self, *, user: User, organization_id: str) -> None:
        super().__init__()
        self._owner: dict[str, Any] = {"user_id": user.pk, "organization_id": organization_id}

    class Meta:
        model = Product
        fields = tuple(ROW_FIELDS)
        import_id_fields = ("sku",)
        use_bulk = True
        batch_size = BATCH
        use_transactions = True
        instance_loader_class = BatchLoader

    def get_queryset(self) -> Any:
        return Product.objects.filter(organization_id=self._owner["organization_id"])

    def init_instance(self, row: Any = None) -> Product:
        return Product(**self._owner)

    def before_import_row(self, row: dict[str, str], **kwargs: Any) -> None:
        if not row["sku"].strip():
            raise ValidationError({"sku": "Every row needs an SKU."})

    def validate_instance(
        self, instance: Product, import_validation_errors: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        super().validate_instance(instance, import_validation_errors, *args, **kwargs)
        instance.full_clean(
            exclude={"user", "organization"}, validate_unique=False, validate_constraints=False
        )


class SkippingResource(TunedResource):
    """Like TunedResource, with the options to skip unchanged rows and to render no HTML diffs."""

    class Meta(TunedResource.Meta):
        skip_html_diff = True
        skip_unchanged = True
        report_skipped = False


class RewrittenResource(SkippingResource):
    """Like SkippingResource, with the product's checks of cells, without copies and reports.

    Only the loop of the library is left.
    """

    def __init__(self, *, user: User, organization_id: str) -> None:
        super().__init__(user=user, organization_id=organization_id)
        self.fields = {name: CheckedField(BY_FIELD[name]) for name in ROW_FIELDS}
        self._names = [name for name in self.fields if name != "sku"]
        self._before: list[str] = []

    class Meta(SkippingResource.Meta):
        skip_diff = True

    def get_result_class(self) -> type:
        return ResultWithoutRows

    def get_row_result_class(self) -> type:
        return RowResultWithoutInfo

    def before_import_row(self, row: dict[str, str], **kwargs: Any) -> None:
        pass

    def validate_instance(
        self, instance: Product, import_validation_errors: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def after_init_instance(self, instance: Product, new: bool, row: Any, **_: Any) -> None:  # noqa: FBT001  its hook
        self._before = [] if new else [getattr(instance, name) for name in self._names]

    def skip_row(
        self, instance: Product, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        if import_validation_errors or not self._before:
            return False
        return [getattr(instance, name) for name in self._names] == self._before


RESOURCES = {
    "tuned": TunedResource,
    "skipping": SkippingResource,
    "rewritten": RewrittenResource,
}


def run(table: Path, resource: TunedResource) -> Any:
    """Import one table."""
    with table.open(newline="", encoding="utf-8") as file:
        dataset = Dataset().load(file, format="csv")
    return resource.import_data(dataset, raise_errors=False, use_transactions=True)


def main() -> None:
    """Import the table of the command line, and print what it took."""
    variant, table, organization_id, email = sys.argv[1:]
    user = User.objects.get(email=email)
    resource = RESOURCES[variant](user=user, organization_id=organization_id)
    idle = usage.resident_bytes(os.getpid())
    usage.reset_peak(os.getpid())
    wall, cpu = time.perf_counter(), time.process_time()
    result = run(Path(table), resource)
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for error in [*result.base_errors, *(row for rows in result.error_rows for row in rows.errors)]:
        raise SystemExit(f"failed: {error.error!r}")
    report = {
        "seconds": seconds,
        "cpu": cpu,
        "growth": usage.peak_bytes(os.getpid()) - idle,
        "created": result.totals["new"],
        "updated": result.totals["update"],
        "unchanged": result.totals["skip"],
        "failed": len(result.invalid_rows),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
