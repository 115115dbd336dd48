"""The pages of reconcile: staff decide, after a confirmation with the number."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.models import DeletionReason, ObjectDeletion, ReconcileReport
from media.services.reconcile import passes
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import OLD, put_object
from media.tests.services.reconcile.passes import an_hour_later, codes, ready_resource, run

CHANGELIST = "admin:media_reconcilereport_changelist"


@pytest.fixture
def report(superuser: User) -> Any:
    """A report with one unknown object; the stores stay installed."""
    with aged_rows.in_memory() as store:
        store.ahead = OLD
        ready_resource(store, superuser)
        put_object(store, "media/unknown.png")
        run(store)
        an_hour_later()
        yield run(store)


def post(client: Client, action: str, report: ReconcileReport, **values: str) -> Any:
    data = {"action": action, "_selected_action": str(report.pk)} | values
    return client.post(reverse(CHANGELIST), data, follow=True)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_unknown_objects_are_deleted_after_a_confirmation(
    staff_client: Client, superuser: User, report: ReconcileReport
) -> None:
    confirmation_page = post(staff_client, "delete_unknown", report)
    assert (
        "Delete 1 objects (27\xa0bytes) that belong to no row?"
        in confirmation_page.content.decode()
    )
    assert not ObjectDeletion.objects.exists()
    wrong_number_response = post(staff_client, "delete_unknown", report, confirmed="2")
    assert b"Delete 1 objects" in wrong_number_response.content

    response = post(staff_client, "delete_unknown", report, confirmed="1")

    assert messages_of(response) == ["1 objects queued for deletion."]
    deletion = ObjectDeletion.objects.get()
    assert (deletion.key, deletion.reason) == ("media/unknown.png", DeletionReason.UNKNOWN)
    report.refresh_from_db()
    assert report.approved_by == superuser
    second_response = post(staff_client, "delete_unknown", report, confirmed="1")
    assert messages_of(second_response) == ["This report has been approved already."]


def test_a_stopped_pass_is_continued_after_a_confirmation(
    staff_client: Client, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "MIN_LOST_LIMIT", 0)
    with aged_rows.in_memory() as store:
        store.ahead = OLD
        lost_resource, _ = ready_resource(store, superuser), ready_resource(store, superuser)
        store.delete_many([lost_resource.storage_key])
        stopped_report = run(store)
        confirmation_page = post(staff_client, "continue_despite_losses", stopped_report)
        assert b"Mark 1 files as failed" in confirmation_page.content

        response = post(staff_client, "continue_despite_losses", stopped_report, confirmed="1")

        assert messages_of(response) == [
            "The next pass may mark 1 files. It starts within an hour."
        ]
        assert passes.next_step() is not None
        run(store)
    assert codes()[lost_resource.storage_key] == "object_missing"


def test_the_pages_show_what_was_found(staff_client: Client, report: ReconcileReport) -> None:
    page = reverse("admin:media_reconcilereport_change", args=[report.pk])
    unknown_object = report.unknown_objects.get()

    assert b"unknown: media/unknown.png" in staff_client.get(page).content
    url = reverse("admin:media_unknownobject_change", args=[unknown_object.pk])
    assert b"media/unknown.png" in staff_client.get(url).content
    for name in (CHANGELIST, "admin:media_unknownobject_changelist"):
        assert staff_client.get(reverse(name)).status_code == 200


def test_staff_without_the_permission_decide_nothing(report: ReconcileReport) -> None:
    viewer = UserFactory.create(is_staff=True)
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    response = post(client, "delete_unknown", report, confirmed="1")

    assert response.status_code == 403
    assert not ObjectDeletion.objects.exists()
