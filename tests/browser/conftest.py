import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, Request, sync_playwright

from devstack.product import Product

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium(driver: Playwright) -> Browser:
    """Start the system's Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "install Chromium (Debian: apt-get install chromium), or point CHROMIUM at it"
    return driver.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the module; its event loop must be gone before others use a database."""
    with sync_playwright() as driver:
        browser = chromium(driver)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def product(live_product: Callable[..., Product]) -> Product:
    return live_product(STORAGE="s3")


@pytest.fixture
def page(browser: Browser, product: Product) -> Iterator[Page]:
    """A fresh tab; at its end no request has left the host and no page has failed."""
    hosts: set[str] = set()
    faults: list[str] = []

    def note(request: Request) -> None:
        if request.failure == "csp":  # our own policy stopped it; it left nowhere
            return
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"}:
            hosts.add(parts.hostname or "")

    context = browser.new_context(base_url=product.api, viewport={"width": 1280, "height": 900})
    context.on("requestfinished", note)
    context.on("requestfailed", note)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()
    assert hosts
    assert hosts <= LOOPBACK
    assert faults == []
