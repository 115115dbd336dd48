"""Exports over HTTP: starting, polling and downloading them, and access to them."""

import io
import zipfile
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of
from catalog.models import Product
from catalog.tests.conftest import Team
from exports.models import ExportRun
from exports.tests.exporting import archive_of, run_to_end, stored_keys
from exports.tests.requesting import EXPORTS, issues, start_export
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore

SYSTEM_DEFAULT = {
    "id": None,
    "name": "System default",
    "metadata_adapter": "default",
    "image_format": "webp",
    "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
}


def test_an_export_can_be_started_polled_and_downloaded(client: APIClient, shoe: Product) -> None:
    start_response = start_export(client, shoe)
    run = ExportRun.objects.get()

    assert start_response.status_code == 202
    assert start_response.headers["Location"] == f"{EXPORTS}{run.pk}"
    assert start_response.json() == client.get(start_response.headers["Location"]).json()
    assert start_response.json() | {"created_at": "", "updated_at": ""} == {
        "id": str(run.pk),
        "user_id": str(run.user_id),
        "organization_id": None,
        "status": "queued",
        "title": "Oxford",
        "progress": {"done": 0, "total": 4},
        "counts": {"ready": 0, "failed": 0, "pending": 4},
        "export_configuration": SYSTEM_DEFAULT,
        "archive": None,
        "failure": None,
        "failures": [],
        "expires_at": None,
        "started_at": None,
        "finished_at": None,
        "created_at": "",
        "updated_at": "",
    }
    early_response = client.get(f"{EXPORTS}{run.pk}/download")
    assert early_response.status_code == 409
    assert "until its status is completed" in early_response.json()["detail"]

    body = archive_of(run_to_end(run))
    result = client.get(f"{EXPORTS}{run.pk}").json()
    download = client.get(f"{EXPORTS}{run.pk}/download")

    assert result["status"] == "completed"
    assert result["counts"] == {"ready": 4, "failed": 0, "pending": 0}
    assert result["archive"] == {"size": len(body), "sha256": run.archive_sha256}
    assert download.status_code == 302
    assert download.headers["Cache-Control"] == "no-store"
    assert "Oxford.zip" in download.headers["Location"]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert len(archive.namelist()) == 7


def test_failed_files_are_listed(
    client: APIClient, shoe: Product, images: list[MediaResource]
) -> None:
    MediaResource.objects.filter(pk=images[1].pk).update(
        status="FAILED", failure_code="file_corrupt"
    )
    start_export(client, shoe)
    run = run_to_end(ExportRun.objects.get())

    body = client.get(f"{EXPORTS}{run.pk}").json()

    assert body["status"] == "completed_with_errors"
    assert body["counts"] == {"ready": 3, "failed": 1, "pending": 0}
    assert body["failures"] == [
        {
            "name": "Us_AW26_back_v1.webp",
            "resource_id": str(images[1].pk),
            "code": "resource_failed",
            "message": "The file is damaged. Export it again from the original and upload it.",
        }
    ]


def test_an_expired_archive_is_gone(client: APIClient, shoe: Product) -> None:
    start_export(client, shoe)
    run = run_to_end(ExportRun.objects.get())
    ExportRun.objects.update(status="EXPIRED")

    response = client.get(f"{EXPORTS}{run.pk}/download")

    assert response.status_code == 410
    assert "Start the export again" in response.json()["detail"]


@pytest.mark.covers("F40", "T64")
def test_the_same_request_with_the_same_key_starts_one_export(
    client: APIClient, shoe: Product
) -> None:
    first, second = (start_export(client, shoe, **{"Idempotency-Key": "k"}) for _ in range(2))
    other_response = client.post(
        EXPORTS,
        {"product_ids": [shoe.pk, shoe.pk]},
        headers={"Idempotency-Key": "k"},
    )

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert issues(other_response) == [(["header", "Idempotency-Key"], "idempotency_key_reused")]
    assert ExportRun.objects.count() == 1


@pytest.mark.covers("T40")
def test_members_export_for_their_organization(team: Team, shoe: Product, user: User) -> None:
    Product.objects.filter(pk=shoe.pk).update(organization=team.organization)
    scope = f"?organization_id={team.organization.pk}"
    member_client, outsider_client = client_of(team.member), client_of(team.outsider)

    run = start_export(member_client, shoe).json()

    assert run["organization_id"] == str(team.organization.pk)
    assert client_of(user).get(f"{EXPORTS}{scope}").json()["count"] == 1
    assert client_of(user).get(EXPORTS).json() == {"data": [], "count": 0}
    assert outsider_client.get(f"{EXPORTS}{scope}").status_code == 403
    assert outsider_client.get(f"{EXPORTS}{run['id']}").status_code == 404
    assert outsider_client.get(f"{EXPORTS}{run['id']}/download").status_code == 404


def test_the_list_shows_each_export_with_few_queries(client: APIClient, shoe: Product) -> None:
    for _ in range(3):
        start_export(client, shoe)

    with CaptureQueriesContext(connection) as queries:
        list_body = client.get(EXPORTS).json()

    assert [row["progress"]["total"] for row in list_body["data"]] == [4, 4, 4]
    assert "failures" not in list_body["data"][0]
    assert len(queries) <= 4


def test_a_refused_export_stores_nothing(client: APIClient, memory: MemoryStore) -> None:
    response = client.post(EXPORTS, {"look_ids": [uuid4()]})

    assert response.status_code == 422
    assert stored_keys() == []
    assert not ExportRun.objects.exists()
