"""`make demo`: a day in the life of a few photos, told step by step and checked."""

import os
import time
from pathlib import Path

import httpx
from rich.console import Console

from devstack.demo import archive, table
from devstack.demo import photos as story
from devstack.demo.narrator import Narrator
from devstack.folders import CHECKOUT
from devstack.process.child import DevstackError
from devstack.process.stop_signals import StopAskedError, stop_on_signals
from devstack.product import Product
from devstack.restarts import watch
from devstack.serve import local_product

PHOTOS = CHECKOUT / "samples" / "photos"
TABLE = CHECKOUT / "samples" / "tables" / "aw26-catalogue.csv"
REQUEST_SECONDS = 60


def demo(*, leave: bool) -> int:
    """Start the product, show it at work, then stay up for a look around unless `leave`."""
    console = Console(highlight=False)
    stop_on_signals()
    try:
        console.print("Starting PostgreSQL, Valkey, the object store, web, worker and beat …")
        with local_product(os.environ) as product:
            _tell(product, console)
            if not leave:
                _invite(product, console)
                watch(product)
    except StopAskedError:
        pass
    return 0


def _tell(product: Product, console: Console) -> None:
    began = time.monotonic()
    with (
        httpx.Client(base_url=product.api, timeout=REQUEST_SECONDS) as client,
        Narrator(
            client=client, console=console, organization_id=product.organization_id
        ) as narrator,
    ):
        try:
            told = story.tell(narrator, person=product.users["member"], photos=photos())
            imported = table.tell(narrator, table=TABLE, media=told.media)
            exported = archive.tell(narrator, product_ids=[told.product["id"], *imported])
        except httpx.HTTPError as error:
            message = f"the product did not answer: {error!r}; see {product.logs}"
            raise DevstackError(message) from error
    console.print(
        f"\n[bold green]Everything as promised[/bold green]: {told.summary}, "
        f"{len(imported)} products imported, {exported} images exported, "
        f"in {time.monotonic() - began:.1f} s.",
        soft_wrap=True,
    )


def _invite(product: Product, console: Console) -> None:
    person = product.users["superuser"]
    console.print(f"\nLook around: {product.api}/admin/  (docs at {product.api}/docs)")
    console.print(f"Sign in as {person.email} with {person.password}; Ctrl-C ends the demo.")


def photos() -> list[Path]:
    """Return the sample photos in the order of their names."""
    return sorted(path for path in PHOTOS.iterdir() if path.is_file())
