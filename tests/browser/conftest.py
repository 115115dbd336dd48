import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, Request, expect, sync_playwright

from devstack.product import Product

TIMEOUT_MILLISECONDS = 30_000  # of every action and expectation, also on a busy machine
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
    names = ("chromium-headless-shell", "chromium")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert path, "install Debian's chromium-headless-shell, or point CHROMIUM at a Chromium"
    return driver.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the module: Django refuses database access while its event loop runs."""
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)
    with sync_playwright() as driver:
        browser = chromium(driver)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def running_product(live_product: Callable[..., Product]) -> Product:
    return live_product(STORAGE="s3")


@pytest.fixture
def page(browser: Browser, running_product: Product) -> Iterator[Page]:
    """A new tab; at the end, assert that no request went to another host and no script failed."""
    hosts: set[str] = set()
    errors: list[str] = []

    def record_host(request: Request) -> None:
        if request.failure == "csp":  # the product's own policy blocked it, so it was not sent
            return
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"}:
            hosts.add(parts.hostname or "")

    context = browser.new_context(
        base_url=running_product.api, viewport={"width": 1280, "height": 900}
    )
    context.on("requestfinished", record_host)
    context.on("requestfailed", record_host)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MILLISECONDS)
    yield page
    context.close()
    assert hosts
    assert hosts <= LOOPBACK
    assert errors == []
