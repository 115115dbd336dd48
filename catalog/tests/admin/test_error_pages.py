"""Errors in the admin are HTML pages; clients of the API still get JSON."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.admin import ProductAdmin
from media.errors import StoreUnavailableError

pytestmark = pytest.mark.django_db
ADD = "admin:catalog_product_add"


def require_page(response: Any, status: int, *, with_menu: bool) -> str:
    html: str = response.content.decode()
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert 'id="error-page"' in html
    assert ("nav-sidebar" in html) is with_menu
    assert response["Referrer-Policy"] == "same-origin"
    return html


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("path", ["/admin/nothing/here/", "/admin/catalog/nothing/"])
def test_a_missing_page_is_a_404(superuser_client: Client, path: str) -> None:
    require_page(superuser_client.get(path), 404, with_menu=True)


def test_a_page_without_permission_is_a_403() -> None:
    client = signed_in(UserFactory.create(is_staff=True))

    require_page(client.get(reverse(ADD)), 403, with_menu=True)


def test_a_form_without_a_csrf_token_is_a_403(superuser: User) -> None:
    client = signed_in(superuser, enforce_csrf_checks=True)

    html = require_page(client.post(reverse(ADD), {"name": "x"}), 403, with_menu=True)

    assert "This form is no longer valid" in html
    sign_in = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {})
    require_page(sign_in, 403, with_menu=False)


def test_a_form_too_large(superuser_client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    require_page(superuser_client.post(reverse(ADD), {"name": "x" * 200}), 413, with_menu=True)


def test_too_many_fields(superuser_client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2

    response = superuser_client.post(reverse(ADD), {str(number): "x" for number in range(5)})

    require_page(response, 400, with_menu=True)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OperationalError(), 503), (StoreUnavailableError(), 503), (ValueError(), 500)],
)
def test_outages_and_bugs_have_their_own_pages(
    superuser: User, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(ProductAdmin, "get_queryset", fail)
    client = signed_in(superuser, raise_request_exception=False)

    response = client.get(reverse("admin:catalog_product_changelist"))

    require_page(response, status, with_menu=False)
    assert ("Retry-After" in response) is (status == 503)


@pytest.mark.parametrize("name", ["admin:index", "admin:catalog_product_changelist"])
def test_an_outage_before_sign_in_has_a_page(
    superuser: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_args: Any) -> None:
        raise OperationalError

    client = signed_in(superuser, raise_request_exception=False)
    monkeypatch.setattr(SessionStore, "load", fail)

    response = client.get(reverse(name))

    html = require_page(response, 503, with_menu=False)
    assert response["X-Request-ID"] in html
    assert response["Retry-After"]


def test_an_error_page_without_a_menu_queries_no_user(
    superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(superuser)
    monkeypatch.setattr(SessionStore, "load", lambda _self: pytest.fail("a session was read"))

    assert client.get("/health/live").status_code == 200


def test_too_many_failed_sign_ins(settings: Settings) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 1
    form = {"username": "somebody@example.com", "password": "wrong"}

    response = Client().post(reverse("admin:login"), form)

    html = require_page(response, 429, with_menu=False)
    assert "Wait 15 minutes" in html
    assert response["Retry-After"] == "900"


def test_signing_in_leads_to_the_home_page() -> None:
    user = UserFactory.create(is_staff=True)
    user.set_password("long-enough-horse")
    user.save()
    form = {"username": user.email, "password": "long-enough-horse"}

    response = Client().post(reverse("admin:login"), form)

    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))


def test_errors_of_the_api_are_json(superuser: User) -> None:
    for path in (f"/api/v1/products/{uuid4()}", "/nothing"):
        assert Client().get(path)["Content-Type"].startswith("application/json")


def test_translations_and_the_icon_are_public() -> None:
    anonymous_client = Client()

    texts = anonymous_client.get(reverse("admin:jsi18n"))
    icon = anonymous_client.get("/favicon.ico")["Location"]

    assert texts.status_code == 200
    assert texts["Content-Type"].startswith("text/javascript")
    assert finders.find(icon.removeprefix("/static/")) is not None
