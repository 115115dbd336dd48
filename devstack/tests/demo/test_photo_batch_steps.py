"""The photo batch of the demo runs again on the data of an earlier run."""

import io
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from devstack.demo import photo_batch_steps, upload_steps
from devstack.demo.client import DemoClient
from devstack.product import Product
from devstack.pytest_plugin import Products
from media.tests.factories import photo

pytestmark = pytest.mark.flow


def run_steps(product: Product, paths: Sequence[Path]) -> str:
    """Run the steps of the photos and of the photo batch; return what they print."""
    console = Console(file=io.StringIO())
    with (
        httpx.Client(base_url=product.api, timeout=30) as api,
        DemoClient(api=api, console=console, organization_id=product.organization_id) as client,
        console.capture() as printed,
    ):
        upload_steps.run_steps(client, person=product.users["member"], paths=paths)
        assert photo_batch_steps.run_steps(client, paths=paths) == len(paths)
    return printed.get()


def test_the_photo_batch_runs_again_when_all_its_photos_are_stored(
    live_product: Products, tmp_path: Path
) -> None:
    product = live_product()
    paths = [tmp_path / name for name in ("front.png", "same.png", "back.png")]
    for path, number in zip(paths, (1, 1, 2), strict=True):
        path.write_bytes(photo(number))

    for _ in range(2):
        printed = run_steps(product, paths)

        assert "3 photos match the SKU of one product" in printed
        assert "2 photos sent and reported" in printed
        assert "3 photos ready" in printed
