"""Every page of the admin in Chromium: no error in the console, no failed request, no page wider
than the window, whatever people wrote.
"""

import os
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
    Route,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import BulkUploadRowError
from catalog.tests.admin import studio
from tests.browser.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "W" * 95  # the longest that fits every column
CELL = "W" * 200
WIDTH = 1440
DOT = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)


@dataclass
class Faults:
    """What went wrong on the pages of one context."""

    seen: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Note errors in the console, of scripts, and requests that fail."""
        context.on("console", self._note_console)
        context.on("weberror", lambda fault: self.seen.append(str(fault.error)))
        context.on("requestfailed", self._note_failure)
        context.on("response", self._note_response)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(message.text)

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by the visit to the next page
            self.seen.append(f"{request.failure} {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.seen.append(f"{response.status} {response.url}")


def session_of_superuser() -> str:
    client = Client()
    client.force_login(
        UserFactory.create(superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client.cookies["sessionid"].value


def is_deletable(row: Model) -> bool:
    """Return whether the row's page offers to delete it; facts are not deleted by hand."""
    request = RequestFactory().get("/")
    request.user = User(is_staff=True, is_superuser=True)
    return admin.site._registry[type(row)].has_delete_permission(request, row)


def pages_of(rows: list[Model]) -> Iterator[str]:
    yield reverse("admin:index")
    yield reverse("admin:password_change")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        for act in ("change", "history", *(["delete"] if is_deletable(row) else [])):
            yield reverse(f"{name}_{act}", args=[row.pk])
    for added in ("catalog_product", "catalog_loramodel", "exports_exportconfiguration"):
        yield reverse(f"admin:{added}_add")


def show_a_dot(route: Route) -> None:
    """Answer for the store, which these pages' rows name no object of."""
    route.fulfill(body=DOT, content_type="image/gif")


def overflow(page: Page) -> int:
    """Return by how many pixels the page or its widest table exceeds its frame."""
    overflow: Any = page.evaluate(
        """() => Math.max(
            document.documentElement.scrollWidth - window.innerWidth,
            ...[...document.querySelectorAll('#result_list')].map(
                each => each.scrollWidth - window.innerWidth * 1.5),
            0)"""
    )
    return int(overflow)


def test_every_page_is_without_errors_and_fits_its_window(live_server: LiveServer) -> None:
    rows = [*studio.fill(LONG), Group.objects.create(name=LONG)]
    BulkUploadRowError.objects.update(value=CELL, message=CELL)
    pages, session = list(pages_of(rows)), session_of_superuser()
    faults, wide = Faults(), {}

    with sync_playwright() as driver:
        browser = chromium(driver)
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": WIDTH, "height": 900}
        )
        context.route("**/media/**/file.*", show_a_dot)
        context.route("**/thumb.webp", show_a_dot)
        faults.watch(context)
        page = context.new_page()
        page.goto(reverse("admin:login"))
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        for path in pages:
            response = page.goto(path)
            if response is None or response.status >= 400:
                faults.seen.append(f"{path}: {response and response.status}")
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{folder}/{path.strip('/').replace('/', '_')}.png")
            if overflow(page):
                wide[path] = overflow(page)
        browser.close()

    assert faults.seen == []
    assert wide == {}
