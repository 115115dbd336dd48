"""Events name who caused them, and where from, at every edge."""

from typing import Any
from uuid import uuid4

import pytest
from axes.helpers import get_client_ip_address
from celery import shared_task
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from sartiq.core.events import context
from sartiq.core.events.causes import cause_of_request
from sartiq.core.models import ActorKind, Event


@pytest.mark.django_db
def test_a_request_of_the_api_names_user_route_and_address() -> None:
    user = UserFactory.create()

    response = client_of(user).patch(
        "/api/v1/users/me",
        {"full_name": "New"},
        format="json",
        headers={"X-Request-ID": "r-17", "X-Forwarded-For": "203.0.113.9"},
        REMOTE_ADDR="198.51.100.7",
    )

    assert response.status_code == 200
    event = Event.objects.get()
    assert (event.action, event.object_id, event.user_id) == ("user.updated", user.pk, user.pk)
    assert (event.actor_kind, event.actor_id) == (ActorKind.USER, user.pk)
    assert (event.source, event.source_id) == ("PATCH api/v1/users/me", "r-17")
    assert event.ip == "198.51.100.7"  # no proxy is trusted
    assert event.details == {"fields": ["full_name"]}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "198.51.100.7"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "192.0.2.1, 203.0.113.9", "203.0.113.9"),  # the first was made up by the client
        (2, "192.0.2.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "198.51.100.7"),  # it bypassed a proxy
        (1, "", "198.51.100.7"),
        (1, "unknown", "198.51.100.7"),
        (1, " 2001:DB8::1 ", "2001:db8::1"),
    ],
)
def test_the_address_is_what_the_trusted_proxies_say(
    settings: Any, proxies: int, forwarded: str, expected: str
) -> None:
    settings.PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="198.51.100.7")

    cause = cause_of_request(request, "r-1")

    assert cause.ip == expected
    assert get_client_ip_address(request) == expected  # that failed sign-ins are counted for


@pytest.mark.django_db
def test_a_page_of_the_admin_names_staff() -> None:
    staff = User.objects.create_user("staff@example.com", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(staff)

    response = client.post("/admin/auth/group/add/", {"name": "Editors"})

    assert response.status_code == 302
    event = Event.objects.get()
    assert event.action == "group.created"
    assert (event.actor_kind, event.actor_id) == (ActorKind.STAFF, staff.pk)
    assert event.source.startswith("POST admin/")


def test_a_task_is_a_worker_until_it_ends() -> None:
    causes = []

    @shared_task(name="tests.record_cause")
    def record_cause() -> None:
        causes.append(context.current())

    task_id = str(uuid4())
    record_cause.apply(task_id=task_id).get()

    assert causes == [
        context.Cause(actor_kind=ActorKind.WORKER, source="tests.record_cause", source_id=task_id)
    ]
    assert context.current().actor_kind == ActorKind.COMMAND


def test_a_command_of_manage_py_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/app/manage.py", "setup_bucket", "--adopt", "secret"])

    assert context.current() == context.Cause(
        actor_kind=ActorKind.COMMAND, source="manage.py setup_bucket"
    )


@pytest.mark.django_db
def test_the_cause_ends_with_the_request() -> None:
    client_of(UserFactory.create()).get("/api/v1/users/me")

    assert context.current().actor_kind == ActorKind.COMMAND
