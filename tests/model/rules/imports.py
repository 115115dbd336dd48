"""Rules of imports and exports: the jobs that workers do for users."""

from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.environment.setup import REMOTE_URL
from tests.model.environment.tenants import ROLES
from tests.model.rules.products import ProductRules
from tests.model.rules.uploads import numbers
from tests.model.state import Job

IMPORTS: Final = "bulkupload_bulkuploadjob"
EXPORTS: Final = "exports_exportrun"


class ImportRules(ProductRules):
    """What users do with tables and archives."""

    @rule(
        role=st.sampled_from(ROLES),
        covers=st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=4),
        has_refused_row=st.booleans(),
    )
    def start_import(
        self, role: tuple[str, str], covers: list[int | None], *, has_refused_row: bool
    ) -> None:
        """Import a table of new products, some with a cover: an upload or a remote image."""
        urls = [*self.urls(), REMOTE_URL]
        skus = [self.state.new_name("I-") for _ in covers]
        cells = ["" if number is None else self.pick(urls, number) for number in covers]
        self.import_table(role, skus, cells, has_refused_row=has_refused_row)

    @precondition(lambda self: self.state.jobs)
    @rule(number=numbers)
    def cancel_import(self, number: int) -> None:
        """Cancel an import, which may have ended."""
        job = self.pick(self.state.jobs, number)
        if job.table == IMPORTS:
            response = self.request(job.user, "post", f"bulk-upload/{job.pk}/cancel")
            assert response is None or response.status_code in {200, 202, 404, 409, 503}

    @precondition(lambda self: self.live_products())
    @rule(number=numbers)
    def start_export(self, number: int) -> None:
        """Export the files of a product."""
        product = self.pick(self.live_products(), number)
        response = self.request(product.user, "post", "exports/", {"product_ids": [product.pk]})
        if response is not None and response.status_code == 202:
            self.accept(EXPORTS, (product.user, product.scope), response)
        else:
            assert response is None or response.status_code in {422, 503}, response.content

    def import_table(
        self, role: tuple[str, str], skus: list[str], covers: list[str], *, has_refused_row: bool
    ) -> None:
        """Send a table."""
        user, scope = role
        rows = [f"{sku},Boot,{cover}" for sku, cover in zip(skus, covers, strict=True)]
        rows += [",no SKU,"] if has_refused_row else []
        table = "\n".join(["sku,name,cover_image", *rows, ""]).encode()
        response = self.request(
            user,
            "post",
            f"bulk-upload/{self.environment.tenants.query(scope)}",
            {"file": SimpleUploadedFile("products.csv", table)},
            format="multipart",
        )
        if response is not None and response.status_code == 202:
            self.accept(IMPORTS, role, response, skus=tuple(skus))
        else:
            assert response is None or response.status_code == 503, response.content

    def accept(
        self, table: str, role: tuple[str, str], response: Any, *, skus: tuple[str, ...] = ()
    ) -> None:
        """Add an accepted job to the model."""
        user, scope = role
        pk = response.json()["id"]
        self.state.jobs.append(Job(table=table, pk=pk, user=user, scope=scope, skus=skus))
