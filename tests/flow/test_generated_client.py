"""A client generated from the OpenAPI document has types and can upload, import and export."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import httpx
import pytest

from devstack.product import Product
from sartiq.settings.environment import CHECKOUT
from tests.flow.api_client import eventually, photo

pytestmark = pytest.mark.flow

PACKAGE = "sartiq_client"
PHOTO = "aw26-oxford-shoe-front.jpg"
# The imports of httpx itself appear in no type that a client uses, and take long to check.
MYPY_CONFIG = """
[mypy]
strict = true
[mypy-anyio.*,certifi.*,click.*,h2.*,httpcore.*,idna.*,pygments.*,rich.*,sniffio.*,trio.*]
follow_imports = skip
"""
TABLE = b"sku,name\nCLIENT-1,First\nCLIENT-2,Second\n,Nameless\n"
USED_OPERATIONS = {
    "create_access_token": "login",
    "get_presigned_url": "uploads",
    "create_product": "products",
    "get_product": "products",
    "create_bulk_upload": "bulk_upload",
    "get_bulk_upload": "bulk_upload",
    "list_bulk_upload_errors": "bulk_upload",
    "download_bulk_upload_errors": "bulk_upload",
    "create_export": "exports",
    "get_export": "exports",
    "download_export": "exports",
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the generated package; warnings of the generator are errors."""
    folder = tmp_path_factory.mktemp("client")
    config = folder / "config.yaml"
    config.write_text("post_hooks: []\n")  # they would only format the code
    generator = Path(sys.executable).with_name("openapi-python-client")
    document = CHECKOUT / "docs" / "openapi.yaml"
    result = subprocess.run(
        [
            *(generator, "generate", "--path", document, "--output-path", folder / PACKAGE),
            *("--meta", "none", "--config", config, "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Warning" not in result.stdout + result.stderr
    return folder / PACKAGE


@pytest.fixture
def client(generated: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the generated package, with one for each operation that is used."""
    monkeypatch.syspath_prepend(str(generated.parent))
    yield SimpleNamespace(
        root=importlib.import_module(PACKAGE),
        models=importlib.import_module(f"{PACKAGE}.models"),
        types=importlib.import_module(f"{PACKAGE}.types"),
        **{
            name: importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")
            for name, tag in USED_OPERATIONS.items()
        },
    )
    for name in [module for module in sys.modules if module.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def running_product(live_product: Callable[..., Product]) -> Product:
    return live_product(STORAGE="s3")


def test_the_generated_client_is_typed(generated: Path) -> None:
    config = generated.parent / "mypy.ini"
    config.write_text(MYPY_CONFIG)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", config),
            *("--cache-dir", os.devnull, generated),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=generated.parent,
        timeout=240,
    )

    assert result.returncode == 0, result.stdout


def test_the_generated_client_can_do_everything(
    client: SimpleNamespace, running_product: Product
) -> None:
    organization = UUID(running_product.organization_id)
    with sign_in(client, running_product) as signed_in:
        shoe = make_product(client, signed_in, organization)
        import_table(client, signed_in, organization)
        export(client, signed_in, shoe)


def sign_in(client: SimpleNamespace, running_product: Product) -> Any:
    person = running_product.users["member"]
    payload = client.models.AccessTokenRequest(username=person.email, password=person.password)
    with client.root.Client(base_url=running_product.api) as anonymous:
        token = client.create_access_token.sync(client=anonymous, body=payload)
    assert isinstance(token, client.models.Token), token
    return client.root.AuthenticatedClient(
        base_url=running_product.api, token=token.access_token, timeout=httpx.Timeout(30)
    )


def make_product(client: SimpleNamespace, signed_in: Any, organization: UUID) -> UUID:
    """Upload a photo, create a product with it, and wait until it is ready."""
    body, models = photo(PHOTO), client.models
    payload = models.PresignedUrlRequest(
        filename=PHOTO, content_type=models.ContentType.IMAGEJPEG, file_size=len(body)
    )
    ticket = client.get_presigned_url.sync(client=signed_in, body=payload)
    headers = ticket.upload_headers.additional_properties
    upload = httpx.request(ticket.upload_method, ticket.upload_url, content=body, headers=headers)
    assert upload.is_success, upload.text
    product = models.ProductCreate(name="Oxford", cover_image=ticket.file_url)
    new_product = client.create_product.sync(
        client=signed_in, body=product, organization_id=organization, idempotency_key="client"
    )
    assert isinstance(new_product, models.ProductPublic), new_product
    ready = eventually(
        lambda: client.get_product.sync(new_product.id, client=signed_in),
        lambda product: product.cover_image.status != models.MediaStatus.PENDING,
    )
    assert ready.cover_image.status == models.MediaStatus.READY
    product_id: UUID = new_product.id
    return product_id


def import_table(client: SimpleNamespace, signed_in: Any, organization: UUID) -> None:
    """Import a table whose last row is invalid, and read the error of that row."""
    models = client.models
    table = client.types.File(
        payload=BytesIO(TABLE), file_name="products.csv", mime_type="text/csv"
    )
    payload = models.BulkUploadCreate(file=table, organization_id=organization)
    job = client.create_bulk_upload.sync(client=signed_in, body=payload)
    assert isinstance(job, models.BulkUploadPublic), job
    finished = eventually(
        lambda: client.get_bulk_upload.sync(job.id, client=signed_in),
        lambda job: job.finished_at is not None,
    )
    assert finished.status == models.BulkUploadStatus.COMPLETED_WITH_ERRORS
    assert (finished.created, finished.failed) == (2, 1)
    [row_error] = client.list_bulk_upload_errors.sync(job.id, client=signed_in).data
    assert row_error.severity == models.Severity.ERROR
    assert "Nameless" in client.download_bulk_upload_errors.sync(job.id, client=signed_in)


def export(client: SimpleNamespace, signed_in: Any, product_id: UUID) -> None:
    """Export the product and check that its image is in the archive."""
    models = client.models
    payload = models.ExportCreate(product_ids=[product_id])
    run = client.create_export.sync(client=signed_in, body=payload)
    assert isinstance(run, models.ExportDetailPublic), run
    finished = eventually(
        lambda: client.get_export.sync(run.id, client=signed_in),
        lambda run: run.finished_at is not None,
    )
    assert finished.status == models.ExportStatus.COMPLETED
    redirect = client.download_export.sync_detailed(run.id, client=signed_in)
    archive = httpx.get(redirect.headers["location"])
    assert len(archive.content) == finished.archive.size
    names = ZipFile(BytesIO(archive.content)).namelist()
    image_format = finished.export_configuration.image_format  # other tests may have changed it
    extension = {"jpeg": "jpg"}.get(image_format, image_format)
    assert any(name.endswith(f".{extension}") for name in names), names
