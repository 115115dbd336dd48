"""The admin pages of exports."""

from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from exports.models import ExportConfiguration, ExportItem, ExportRun, RunStatus
from exports.tests.factories import ConfigurationFactory


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    superuser: User = UserFactory.create(superuser=True)
    client.force_login(superuser, backend="django.contrib.auth.backends.ModelBackend")
    return client


def run_of(configuration: ExportConfiguration, status: RunStatus) -> ExportRun:
    has_ended = status != RunStatus.RUNNING
    run: ExportRun = ExportRun.objects.create(
        user=configuration.user,
        status=status,
        title="Shoot 12",
        configuration_id=configuration.pk,
        configuration_name=configuration.name,
        metadata_adapter="default",
        image_format="WEBP",
        template="{index}",
        total=2,
        failure_code="nothing_exported" if has_ended else "",
        failure_message="None of the files could be exported." if has_ended else "",
        finished_at=timezone.now() if has_ended else None,
    )
    for position in (1, 2):
        ExportItem.objects.create(
            run=run,
            position=position,
            resource_id=uuid4(),
            name=f"{position}.webp",
            status="FAILED" if has_ended or position == 1 else "WAITING",
            failure_code="resource_deleted" if has_ended or position == 1 else "",
        )
    return run


def page_of(run_id: UUID) -> str:
    return reverse("admin:exports_exportrun_change", args=[run_id])


def test_a_page_shows_progress_and_links_to_the_files(staff: Client) -> None:
    configuration = ConfigurationFactory.create()
    run = run_of(configuration, RunStatus.FAILED)

    html = staff.get(page_of(run.pk)).content.decode()
    files = staff.get(
        reverse("admin:exports_exportitem_changelist"),
        {"run__id__exact": str(run.pk), "status__exact": "FAILED"},
    ).content.decode()

    assert '<progress max="2" value="2">' in html
    assert "None of the files could be exported. (nothing_exported)" in html
    assert reverse("admin:exports_exportconfiguration_change", args=[configuration.pk]) in html
    assert ("1.webp" in files, "2.webp" in files) == (True, True)


def test_a_page_of_a_running_export_refreshes(staff: Client) -> None:
    configuration = ConfigurationFactory.create()
    running_run, failed_run = (
        run_of(configuration, status) for status in (RunStatus.RUNNING, RunStatus.FAILED)
    )

    assert staff.get(page_of(running_run.pk))["Refresh"] == "3"
    assert "Refresh" not in staff.get(page_of(failed_run.pk))


def test_an_unknown_export_redirects_to_the_list(staff: Client) -> None:
    assert staff.get(reverse("admin:exports_exportrun_change", args=["none"])).status_code == 302


@pytest.mark.parametrize("view", ["change", "delete"])
def test_an_export_cannot_be_edited(staff: Client, view: str) -> None:
    run = run_of(ConfigurationFactory.create(), RunStatus.FAILED)

    response = staff.post(reverse(f"admin:exports_exportrun_{view}", args=[run.pk]), {"title": "x"})

    assert response.status_code == 403
    assert ExportRun.objects.get().title == "Shoot 12"
