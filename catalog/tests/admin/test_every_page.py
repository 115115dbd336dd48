"""Every page of every registered model: it opens, has links, is fast and escapes text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.tests.admin import sample_rows
from media.models import EnvironmentIdentity

pytestmark = pytest.mark.django_db
OUR_APPS = ("accounts", "media", "catalog", "core", "exports", "bulkupload")
SCRIPT = '<script>alert("x")</script>'
MAX_QUERIES = 25


def our_models() -> list[type[Model]]:
    models = [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    # EnvironmentIdentity has only one row, for a system check.
    return [model for model in models if model is not EnvironmentIdentity]


def admin_url(model: type[Model], view: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def has_date_filter(model: type[Model]) -> bool:
    filters = admin.site._registry[model].list_filter
    return any(isinstance(item, tuple) and item[0] == "created_at" for item in filters)


def registered_models() -> Iterator[type[Model]]:
    yield from admin.site._registry


@dataclass
class Visit:
    """The response to a superuser who opened a page."""

    status: int
    html: str
    query_count: int


@dataclass
class Visits:
    """Every page of one row of each model, by URL, and how many queries longer lists need."""

    lists: dict[str, Visit] = field(default_factory=dict)
    changes: dict[str, Visit] = field(default_factory=dict)
    others: dict[str, Visit] = field(default_factory=dict)
    longer_lists: dict[str, Visit] = field(default_factory=dict)

    def all(self) -> dict[str, Visit]:
        return {**self.lists, **self.changes, **self.others}


@pytest.fixture(scope="module")
def visits(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Visits:
    """The visits of all pages, whose rows have a script as their texts."""
    with django_db_blocker.unblock(), transaction.atomic():
        visits = visit_all_pages(signed_in(UserFactory.create(superuser=True)))
        transaction.set_rollback(True)
    return visits


def visit_all_pages(client: Client) -> Visits:
    rows = [*sample_rows.create(SCRIPT), Group.objects.create(name=SCRIPT)]
    assert {type(row) for row in rows} == set(registered_models())
    ContentType.objects.get_for_models(*registered_models())  # fills the cache
    visits, index = Visits(), reverse("admin:index")
    visits.others[index] = visit(client, index)
    lists = [admin_url(model, "changelist") for model in registered_models()]
    visits.lists = {page: visit(client, page) for page in lists}
    for row in rows:
        page = admin_url(type(row), "change", row.pk)
        visits.changes[page] = visit(client, page)
        for view in ("delete", "history"):
            page = admin_url(type(row), view, row.pk)
            visits.others[page] = visit(client, page)
    for _ in range(4):
        sample_rows.create(SCRIPT)
    visits.longer_lists = {page: visit(client, page) for page in lists}
    return visits


def visit(client: Client, page: str) -> Visit:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(page)
    return Visit(response.status_code, response.content.decode(), len(queries))


def test_every_model_of_the_product_is_registered() -> None:
    assert set(our_models()) <= set(registered_models())


def test_the_home_page_and_the_menu_link_every_registered_model(superuser_client: Client) -> None:
    page = superuser_client.get(reverse("admin:index"))

    html = page.content.decode()
    menu = [
        str(item["link"]) for group in page.context["sidebar_navigation"] for item in group["items"]
    ]
    lists = [admin_url(model, "changelist") for model in registered_models()]
    assert page.status_code == 200
    assert [url for url in lists if html.count(f'href="{url}"') < 2] == []
    assert sorted(menu) == sorted(lists)


def test_refresh_tokens_have_no_page() -> None:
    assert [model.__name__ for model in registered_models() if "Token" in model.__name__] == []


def test_every_list_and_page_opens(visits: Visits) -> None:
    all_visits = {**visits.lists, **visits.changes, **visits.longer_lists}

    assert {page: visit.status for page, visit in all_visits.items() if visit.status != 200} == {}


def test_every_page_needs_few_queries(visits: Visits) -> None:
    counts = {page: visit.query_count for page, visit in visits.all().items()}

    assert {page: count for page, count in counts.items() if count > MAX_QUERIES} == {}


def test_a_longer_list_needs_no_more_queries(visits: Visits) -> None:
    counts = {page: visit.query_count for page, visit in visits.lists.items()}

    assert {page: visit.query_count for page, visit in visits.longer_lists.items()} == counts


def test_no_page_shows_the_repr_of_a_tuple(visits: Visits) -> None:
    assert [page for page, visit in visits.all().items() if "(&#x27;" in visit.html] == []


@pytest.mark.covers("T49")
def test_html_in_any_text_is_escaped(visits: Visits) -> None:
    pages = visits.all()
    escaped = [page for page, visit in pages.items() if "&lt;script&gt;alert" in visit.html]

    assert [page for page, visit in pages.items() if "<script>alert" in visit.html] == []
    assert len(escaped) > len(visits.changes)


def test_every_list_can_be_searched_and_filtered(superuser_client: Client) -> None:
    sample_rows.create("shoe")

    responses = {}
    for model in registered_models():
        page = admin_url(model, "changelist")
        since = {"created_at_from_0": "2020-01-01"} if has_date_filter(model) else {}
        responses[page, "shoe"] = superuser_client.get(page, {"q": "shoe", **since}).status_code
        responses[page, "NUL"] = superuser_client.get(page, {"q": "\u0000'; --"}).status_code

    assert {page: status for page, status in responses.items() if status != 200} == {}


def test_every_add_page_opens_or_is_forbidden(superuser_client: Client) -> None:
    statuses = {
        model.__name__
        for model in registered_models()
        if superuser_client.get(admin_url(model, "add")).status_code == 200
    }

    assert statuses == {
        *("User", "Organization", "Membership", "Group", "Product", "Subject", "Look"),
        *("Guideline", "ProductionRequest", "LoraModel"),
        *("ExportConfiguration", "MetadataAdapterVisibility", "SlotWord"),
    }


def test_staff_without_permissions_can_open_nothing(db: None) -> None:
    rows = sample_rows.create("shoe")
    client = signed_in(UserFactory.create(is_staff=True))

    for row in rows:
        for view, args in (
            ("changelist", ()),
            ("add", ()),
            ("change", (row.pk,)),
            ("delete", (row.pk,)),
        ):
            assert client.get(admin_url(type(row), view, *args)).status_code == 403
    menu = client.get(reverse("admin:index")).context["sidebar_navigation"]
    assert not any(item["has_permission"] for group in menu for item in group["items"])


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_other_users_are_redirected_to_the_login(db: None, *, is_signed_in: bool) -> None:
    client = signed_in(UserFactory.create()) if is_signed_in else Client()

    for model in registered_models():
        response = client.get(admin_url(model, "changelist"))

        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.covers("T49")
def test_a_form_from_another_site_changes_nothing(superuser_client: Client) -> None:
    rows = sample_rows.create("shoe")
    csrf_checking_client = Client(enforce_csrf_checks=True)
    csrf_checking_client.cookies = superuser_client.cookies

    for row in rows:
        for view, args in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
            response = csrf_checking_client.post(
                admin_url(type(row), view, *args), {"post": "yes", "name": "x"}
            )

            assert response.status_code == 403
        assert type(row)._base_manager.filter(pk=row.pk).exists()


def test_browsers_send_the_referrer_to_the_same_host(superuser_client: Client) -> None:
    """With `no-referrer` a browser sends `Origin: null`, and Django rejects every form."""
    policies = {
        page: superuser_client.get(page)["Referrer-Policy"]
        for page in (reverse("admin:login"), reverse("admin:index"), "/health/live")
    }

    assert policies == {
        reverse("admin:login"): "same-origin",
        reverse("admin:index"): "same-origin",
        "/health/live": "no-referrer",
    }
