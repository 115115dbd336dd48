"""Every admin page in Chromium: no errors, no failed requests, and no page too wide for its window.

The rows have the longest possible texts. All models have the same page of an object's history.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import BulkUploadRowError
from catalog.models import Product
from catalog.tests.admin import sample_rows
from tests.browser.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "W" * 95  # the longest text that every column accepts
CELL = "W" * 200
WIDTH = 1440
STORED = ("*/media/*/file.*", "*/thumb.webp")  # the URLs of objects
ONE_PIXEL_GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)


@dataclass
class ErrorLog:
    """The errors on the pages of a browser context."""

    errors: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Record errors of the console and of scripts, and failed requests."""
        context.on("console", self._record_console)
        context.on("weberror", lambda event: self.errors.append(str(event.error)))
        context.on("requestfailed", self._record_failure)
        context.on("response", self._record_response)

    def _record_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _record_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # aborted when the next page is opened
            self.errors.append(f"{request.failure} {request.url}")

    def _record_response(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")


def session_of_superuser() -> str:
    client = Client()
    client.force_login(
        UserFactory.create(superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client.cookies["sessionid"].value


def is_deletable(row: Model) -> bool:
    """Return whether the row has a page to delete it."""
    request = RequestFactory().get("/")
    request.user = User(is_staff=True, is_superuser=True)
    return admin.site._registry[type(row)].has_delete_permission(request, row)


def product_in(rows: list[Model]) -> Product:
    return next(row for row in rows if isinstance(row, Product))


def pages_of(rows: list[Model]) -> Iterator[str]:
    yield reverse("admin:index")
    yield reverse("admin:password_change")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        for view in ("change", *(["delete"] if is_deletable(row) else [])):
            yield reverse(f"{name}_{view}", args=[row.pk])
    yield reverse("admin:catalog_product_history", args=[product_in(rows).pk])
    for model_name in ("catalog_product", "catalog_loramodel", "exports_exportconfiguration"):
        yield reverse(f"admin:{model_name}_add")


def respond_for_store(context: BrowserContext, page: Page) -> None:
    """Respond with an image in place of the store, which has no objects for these rows.

    Unlike Playwright's routes, this leaves the browser its cache.
    """
    session = context.new_cdp_session(page)

    def respond(event: dict[str, Any]) -> None:
        session.send(
            "Fetch.fulfillRequest",
            {
                "requestId": event["requestId"],
                "responseCode": 200,
                "responseHeaders": [{"name": "Content-Type", "value": "image/gif"}],
                "body": b64encode(ONE_PIXEL_GIF).decode(),
            },
        )

    session.on("Fetch.requestPaused", respond)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": url} for url in STORED]})


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window, or a table too wide."""
    overflow: Any = page.evaluate(
        """() => Math.max(
            document.documentElement.scrollWidth - window.innerWidth,
            ...[...document.querySelectorAll('#result_list')].map(
                table => table.scrollWidth - window.innerWidth * 1.5),
            0)"""
    )
    return int(overflow)


def test_every_page_is_without_errors_and_fits_its_window(live_server: LiveServer) -> None:
    rows = [*sample_rows.create(LONG), Group.objects.create(name=LONG)]
    BulkUploadRowError.objects.update(value=CELL, message=CELL)
    pages, session = list(pages_of(rows)), session_of_superuser()
    log, too_wide = ErrorLog(), {}

    with sync_playwright() as driver:
        browser = chromium(driver)
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": WIDTH, "height": 900}
        )
        log.watch(context)
        page = context.new_page()
        respond_for_store(context, page)
        page.goto(reverse("admin:login"))
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        for path in pages:
            response = page.goto(path)
            if response is None or response.status >= 400:
                log.errors.append(f"{path}: {response and response.status}")
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{folder}/{path.strip('/').replace('/', '_')}.png")
            if overflow(page):
                too_wide[path] = overflow(page)
        browser.close()

    assert log.errors == []
    assert too_wide == {}
