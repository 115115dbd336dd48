"""Rules of imports and exports: the jobs that workers do for users."""

from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.environment.setup import REMOTE_URL
from tests.model.environment.tenants import USER_SCOPES
from tests.model.rules.products import ProductRules
from tests.model.rules.uploads import indexes
from tests.model.state import Job

IMPORT_TABLE: Final = "bulkupload_bulkuploadjob"
EXPORT_TABLE: Final = "exports_exportrun"


class ImportRules(ProductRules):
    """What users do with tables and archives."""

    @rule(
        user_scope=st.sampled_from(USER_SCOPES),
        cover_indexes=st.lists(st.one_of(st.none(), indexes), min_size=1, max_size=4),
        has_refused_row=st.booleans(),
    )
    def start_import(
        self, user_scope: tuple[str, str], cover_indexes: list[int | None], *, has_refused_row: bool
    ) -> None:
        """Import a table of new products, some with a cover: an upload or a remote image."""
        urls = [*self.urls(), REMOTE_URL]
        skus = [self.state.new_name("I-") for _ in cover_indexes]
        cells = ["" if index is None else self.pick(urls, index) for index in cover_indexes]
        self.import_table(user_scope, skus, cells, has_refused_row=has_refused_row)

    @precondition(lambda self: self.state.jobs)
    @rule(index=indexes)
    def cancel_import(self, index: int) -> None:
        """Cancel an import, which may have ended."""
        job = self.pick(self.state.jobs, index)
        if job.table == IMPORT_TABLE:
            response = self.request(job.user, "post", f"bulk-upload/{job.pk}/cancel")
            assert response is None or response.status_code in {200, 202, 404, 409, 503}

    @precondition(lambda self: self.live_products())
    @rule(index=indexes)
    def start_export(self, index: int) -> None:
        """Export the files of a product."""
        product = self.pick(self.live_products(), index)
        response = self.request(product.user, "post", "exports/", {"product_ids": [product.pk]})
        if response is not None and response.status_code == 202:
            self.accept(EXPORT_TABLE, (product.user, product.scope), response)
        else:
            assert response is None or response.status_code in {422, 503}, response.content

    def import_table(
        self,
        user_scope: tuple[str, str],
        skus: list[str],
        cover_urls: list[str],
        *,
        has_refused_row: bool,
    ) -> None:
        """Send a table."""
        user, scope = user_scope
        rows = [f"{sku},Boot,{cover_url}" for sku, cover_url in zip(skus, cover_urls, strict=True)]
        rows += [",no SKU,"] if has_refused_row else []
        csv_file = "\n".join(["sku,name,cover_image", *rows, ""]).encode()
        response = self.request(
            user,
            "post",
            f"bulk-upload/{self.environment.tenants.query(scope)}",
            {"file": SimpleUploadedFile("products.csv", csv_file)},
            format="multipart",
        )
        if response is not None and response.status_code == 202:
            self.accept(IMPORT_TABLE, user_scope, response, skus=tuple(skus))
        else:
            assert response is None or response.status_code == 503, response.content

    def accept(
        self, table: str, user_scope: tuple[str, str], response: Any, *, skus: tuple[str, ...] = ()
    ) -> None:
        """Add an accepted job to the model."""
        user, scope = user_scope
        pk = response.json()["id"]
        self.state.jobs.append(Job(table=table, pk=pk, user=user, scope=scope, skus=skus))
