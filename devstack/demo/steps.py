"""`make demo`: upload, import and export sample files, and check every result."""

import os
import time
from pathlib import Path

import httpx
from rich.console import Console

from devstack.demo import export_steps, import_steps, photo_batch_steps, upload_steps
from devstack.demo.client import DemoClient
from devstack.folders import CHECKOUT
from devstack.process.child import DevstackError
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.product import Product
from devstack.restarts import watch
from devstack.serve import local_product

PHOTOS = CHECKOUT / "samples" / "photos"
TABLE = CHECKOUT / "samples" / "tables" / "aw26-catalogue.csv"
REQUEST_SECONDS = 60


def demo(*, exits: bool) -> int:
    """Start the product, run the demo, then keep it running unless `exits`."""
    console = Console(highlight=False)
    stop_on_signals()
    try:
        console.print("Starting PostgreSQL, Valkey, the object store, web, worker and beat …")
        with local_product(os.environ) as product:
            _run_steps(product, console)
            if not exits:
                _print_addresses(product, console)
                watch(product)
    except StopRequestedError:
        pass
    return 0


def _run_steps(product: Product, console: Console) -> None:
    started_at = time.monotonic()
    with (
        httpx.Client(base_url=product.api, timeout=REQUEST_SECONDS) as api,
        DemoClient(api=api, console=console, organization_id=product.organization_id) as client,
    ):
        try:
            uploads = upload_steps.run_steps(
                client, person=product.users["member"], paths=sample_photos()
            )
            batched = photo_batch_steps.run_steps(client, paths=sample_photos())
            imported = import_steps.run_steps(client, table=TABLE, media=uploads.media)
            product_ids = [uploads.product["id"], *imported]
            exported = export_steps.run_steps(client, product_ids=product_ids)
        except httpx.HTTPError as error:
            message = f"the product did not respond: {error!r}; see {product.logs}"
            raise DevstackError(message) from error
    console.print(
        f"\n[bold green]All checks passed[/bold green]: {uploads.summary}, "
        f"{batched} photos attached by name, "
        f"{len(imported)} products imported, {exported} images exported, "
        f"in {time.monotonic() - started_at:.1f} s.",
        soft_wrap=True,
    )


def _print_addresses(product: Product, console: Console) -> None:
    person = product.users["superuser"]
    console.print(f"\nLook around: {product.api}/admin/  (docs at {product.api}/docs)")
    console.print(f"Sign in as {person.email} with {person.password}; Ctrl-C ends the demo.")


def sample_photos() -> list[Path]:
    """Return the sample photos in the order of their names."""
    return sorted(path for path in PHOTOS.iterdir() if path.is_file())
