"""The admin pages of bulk uploads and their actions."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import (
    TABLE_ROW,
    BulkUploadJob,
    BulkUploadRowError,
    ErrorSeverity,
    JobStatus,
)
from bulkupload.tests.importing import import_table, start_job
from media.storage.testing.memory import MemoryStore

CHANGELIST = "admin:bulkupload_bulkuploadjob_changelist"
TWO_REFUSED_ROWS = "sku,name\nA,Shoe\n,Boot\n,Hat\n"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def staff(private: MemoryStore) -> Client:
    return signed_in(UserFactory.create(superuser=True))


def page_of(job: BulkUploadJob) -> str:
    return reverse("admin:bulkupload_bulkuploadjob_change", args=[job.pk])


def run_action(client: Client, action: str, *jobs: BulkUploadJob) -> str:
    response = client.post(
        reverse(CHANGELIST),
        {"action": action, "_selected_action": [job.pk for job in jobs]},
        follow=True,
    )
    return " ".join(str(message) for message in response.context["messages"])


def test_a_page_shows_progress_errors_and_the_error_file(staff: Client, user: User) -> None:
    job = import_table(user, TWO_REFUSED_ROWS)

    html = staff.get(page_of(job)).content.decode()
    download: Any = staff.get(reverse("admin:bulkupload_bulkuploadjob_errors", args=[job.pk]))

    assert "1 created, 0 updated, 0 unchanged, 2 refused" in html
    assert "2 × missing in sku" in html  # noqa: RUF001
    assert '<progress max="3" value="3">' in html
    assert download["Content-Disposition"] == 'attachment; filename="products-errors.csv"'
    assert b"".join(download.streaming_content).count(b"missing") == 2


def test_the_number_of_problems_links_to_that_many_rows(staff: Client, user: User) -> None:
    job = import_table(user, "sku,name,gender\nA,Shoe,MEN\n,,BOTH\n")
    problems = (
        f"{reverse('admin:bulkupload_bulkuploadrowerror_changelist')}?job__id__exact={job.pk}"
    )

    html = staff.get(reverse(CHANGELIST)).content.decode()
    row_count = staff.get(problems).context["cl"].result_count

    assert row_count > 1  # the refused row has several errors
    for page in (html, staff.get(page_of(job)).content.decode()):
        (link_text,) = re.findall(rf'href="{re.escape(problems)}"[^>]*>([\d,]+)<', page)
        assert int(link_text) == row_count


def test_a_page_shows_the_dialect_and_the_warnings(staff: Client, user: User) -> None:
    job = import_table(user, "sku,name\nA,Shoe\n")
    job.dialect = {**job.dialect, "encoding": "windows-1252", "confidence": 0.83}
    job.save()
    BulkUploadRowError.objects.create(
        job=job,
        row=TABLE_ROW,
        position=0,
        line=1,
        severity=ErrorSeverity.WARNING,
        code="encoding_guessed",
        message="The encoding was guessed.",
    )

    html = staff.get(page_of(job)).content.decode()
    problems = staff.get(reverse("admin:bulkupload_bulkuploadrowerror_changelist"))

    assert "windows-1252 (83% sure), separated by comma" in html
    assert "<div>The encoding was guessed.</div>" in html
    assert "The table" in problems.content.decode()


def test_a_page_of_a_running_job_refreshes(staff: Client, user: User) -> None:
    running_job = start_job(user, TWO_REFUSED_ROWS)
    finished_job = import_table(user, TWO_REFUSED_ROWS)

    assert staff.get(page_of(running_job))["Refresh"] == "3"
    assert "Refresh" not in staff.get(page_of(finished_job))


def test_an_unknown_job_redirects_to_the_list(staff: Client) -> None:
    response = staff.get(reverse("admin:bulkupload_bulkuploadjob_change", args=["none"]))

    assert response.status_code == 302


def test_a_failed_job_shows_its_failure(staff: Client, user: User) -> None:
    job = import_table(user, "name\nShoe\n")

    html = staff.get(page_of(job)).content.decode()

    assert (
        "Line 1: No column maps to sku. Rename one, or send a mapping. Line 1 reads: name" in html
    )


def test_jobs_are_cancelled_and_retried(staff: Client, user: User) -> None:
    running_job = start_job(user, TWO_REFUSED_ROWS)
    finished_job = import_table(user, "sku,name\nA,Shoe\n")

    cancel_messages = run_action(staff, "cancel", running_job, finished_job)
    retry_messages = run_action(staff, "retry", running_job, finished_job)

    running_job.refresh_from_db()
    assert running_job.status == JobStatus.CANCELLED
    assert "1 cancelled." in cancel_messages
    assert "already ended" in cancel_messages
    assert "1 started again." in retry_messages
    assert BulkUploadJob.objects.get(retry_of=running_job).status == JobStatus.QUEUED


def test_staff_who_may_only_view_cannot_act(staff: Client, user: User) -> None:
    job = start_job(user, TWO_REFUSED_ROWS)
    viewer = UserFactory.create(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_bulkuploadjob"))

    run_action(signed_in(viewer), "cancel", job)

    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    client_without_permission = signed_in(UserFactory.create(is_staff=True))
    errors = reverse("admin:bulkupload_bulkuploadjob_errors", args=[job.pk])
    assert client_without_permission.get(errors).status_code == 403
