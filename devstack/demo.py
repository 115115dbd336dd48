"""`make demo`: a day in the life of a few photos, told step by step and checked."""

import os
from pathlib import Path

import httpx
from rich.console import Console

from devstack.folders import CHECKOUT
from devstack.processes import DevstackError
from devstack.product import Product
from devstack.serve import StopAskedError, local_product, stopping_on_signal, watch
from devstack.story import Story

PHOTOS = CHECKOUT / "samples" / "photos"
REQUEST_SECONDS = 60


def demo(*, leave: bool) -> int:
    """Start the product, show it at work, then stay up for a look around unless `leave`."""
    console = Console(highlight=False)
    with stopping_on_signal():
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
    with httpx.Client(base_url=product.api, timeout=REQUEST_SECONDS) as client:
        story = Story(client=client, console=console, organization_id=product.organization_id)
        try:
            story.tell(person=product.users["member"], photos=photos())
        except httpx.HTTPError as error:
            message = f"the product did not answer: {error!r}; see {product.logs}"
            raise DevstackError(message) from error


def _invite(product: Product, console: Console) -> None:
    person = product.users["superuser"]
    console.print(f"\nLook around: {product.api}/admin/  (docs at {product.api}/docs)")
    console.print(f"Sign in as {person.email} with {person.password}; Ctrl-C ends the demo.")


def photos() -> list[Path]:
    """Return the sample photos in the order of their names."""
    return sorted(path for path in PHOTOS.iterdir() if path.is_file())
