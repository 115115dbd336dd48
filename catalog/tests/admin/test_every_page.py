"""Every page of every registered model: it opens, has links, is fast and escapes text."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tests.factories import UserFactory
from catalog.tests.admin import sample_rows
from media.models import EnvironmentIdentity

pytestmark = pytest.mark.django_db
OURS = ("accounts", "media", "catalog", "core", "exports", "bulkupload")
SCRIPT = '<script>alert("x")</script>'
MAX_QUERIES = 25


def our_models() -> list[type[Model]]:
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    # EnvironmentIdentity has only one row, for a system check.
    return [model for model in models if model is not EnvironmentIdentity]


def admin_url(model: type[Model], act: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{act}", args=args)


def staff_without_rights() -> Client:
    client = Client()
    staff = UserFactory.create(is_staff=True)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


def registered() -> Iterator[type[Model]]:
    yield from admin.site._registry


def test_every_model_of_the_product_is_registered() -> None:
    assert set(our_models()) <= set(registered())


def test_the_home_page_and_the_menu_link_every_registered_model(staff_client: Client) -> None:
    page = staff_client.get(reverse("admin:index"))

    html = page.content.decode()
    menu = [
        str(item["link"]) for group in page.context["sidebar_navigation"] for item in group["items"]
    ]
    lists = [admin_url(model, "changelist") for model in registered()]
    assert page.status_code == 200
    assert [url for url in lists if html.count(f'href="{url}"') < 2] == []
    assert sorted(menu) == sorted(lists)


def test_refresh_tokens_have_no_page() -> None:
    assert [model.__name__ for model in registered() if "Token" in model.__name__] == []


def test_every_list_and_page_opens_with_few_queries(staff_client: Client) -> None:
    rows = [*sample_rows.create("shoe"), Group.objects.create(name="Editors")]
    models = {type(row) for row in rows}

    counted = {}
    for row in rows:
        for act, args in (("changelist", ()), ("change", (row.pk,))):
            page = admin_url(type(row), act, *args)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                response = staff_client.get(page)
            assert response.status_code == 200, page
            assert "(&#x27;" not in response.content.decode(), page  # the repr of a tuple
            counted[page] = len(queries)

    assert set(registered()) == models
    assert {page: many for page, many in counted.items() if many > MAX_QUERIES} == {}


def test_a_longer_list_needs_no_more_queries(staff_client: Client) -> None:
    sample_rows.create("shoe")

    def queries_of_each_list() -> dict[str, int]:
        counted = {}
        for model in registered():
            page = admin_url(model, "changelist")
            with CaptureQueriesContext(connection) as queries:
                staff_client.get(page)
            counted[page] = len(queries)
        return counted

    queries_of_each_list()  # fills the caches of permissions and content types
    short = queries_of_each_list()
    for _ in range(4):
        sample_rows.create("shoe")

    assert queries_of_each_list() == short


def test_every_list_is_searched_and_filtered(staff_client: Client) -> None:
    sample_rows.create("shoe")

    for model in registered():
        page = admin_url(model, "changelist")
        responses = [
            staff_client.get(page, {"q": "shoe"}),
            staff_client.get(page, {"q": "\u0000'; --"}),
            staff_client.get(page, {"created_at_from_0": "2020-01-01"}),
        ]

        assert {response.status_code for response in responses} <= {200, 302}, page


def test_every_add_page_opens_or_is_forbidden(staff_client: Client) -> None:
    opened = {
        model.__name__
        for model in registered()
        if staff_client.get(admin_url(model, "add")).status_code == 200
    }

    assert opened == {
        *("User", "Organization", "Membership", "Group", "Product", "Subject", "Look"),
        *("Guideline", "ProductionRequest", "LoraModel"),
        *("ExportConfiguration", "MetadataAdapterVisibility", "SlotWord"),
    }


def test_staff_without_permissions_can_open_nothing(db: None) -> None:
    rows = sample_rows.create("shoe")
    client = staff_without_rights()

    for row in rows:
        for act, args in (
            ("changelist", ()),
            ("add", ()),
            ("change", (row.pk,)),
            ("delete", (row.pk,)),
        ):
            assert client.get(admin_url(type(row), act, *args)).status_code == 403
    menu = client.get(reverse("admin:index")).context["sidebar_navigation"]
    assert not any(item["has_permission"] for group in menu for item in group["items"])


@pytest.mark.parametrize("signed_in", [False, True])
def test_other_users_are_redirected_to_the_login(db: None, *, signed_in: bool) -> None:
    client = Client()
    if signed_in:
        user = UserFactory.create()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    for model in registered():
        response = client.get(admin_url(model, "changelist"))

        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.covers("T49")
def test_html_in_any_text_is_escaped(staff_client: Client) -> None:
    rows = sample_rows.create(SCRIPT)

    pages = [reverse("admin:index")]
    for row in rows:
        pages += [admin_url(type(row), "changelist"), admin_url(type(row), "change", row.pk)]
        pages += [admin_url(type(row), "delete", row.pk), admin_url(type(row), "history", row.pk)]
    count = 0
    for page in pages:
        html = staff_client.get(page).content.decode()
        assert "<script>alert" not in html, page
        count += "&lt;script&gt;alert" in html

    assert count > len(rows)


@pytest.mark.covers("T49")
def test_a_form_from_another_site_changes_nothing(staff_client: Client) -> None:
    rows = sample_rows.create("shoe")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = staff_client.cookies

    for row in rows:
        for act, args in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
            response = strict.post(admin_url(type(row), act, *args), {"post": "yes", "name": "x"})

            assert response.status_code == 403
        assert type(row)._base_manager.filter(pk=row.pk).exists()


def test_browsers_send_the_referrer_to_the_same_host(staff_client: Client) -> None:
    """With `no-referrer` a browser sends `Origin: null`, and Django rejects every form."""
    policies = {
        page: staff_client.get(page)["Referrer-Policy"]
        for page in (reverse("admin:login"), reverse("admin:index"), "/health/live")
    }

    assert policies == {
        reverse("admin:login"): "same-origin",
        reverse("admin:index"): "same-origin",
        "/health/live": "no-referrer",
    }
