"""Reading, cancelling and retrying bulk uploads."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from bulkupload.models import JobStatus
from bulkupload.tests.api.uploading import ROUTE, job_of, post
from bulkupload.tests.importing import run_job


@pytest.mark.covers("T65")
def test_a_job_of_another_owner_is_not_found(client: APIClient) -> None:
    job = job_of(post(client))
    stranger = client_of(UserFactory.create())

    for method, suffix in (
        ("get", ""),
        ("get", "/errors"),
        ("get", "/errors?format=csv"),
        ("post", "/cancel"),
        ("post", "/retry"),
    ):
        foreign = getattr(stranger, method)(f"{ROUTE}{job.pk}{suffix}")
        missing = getattr(stranger, method)(f"{ROUTE}{uuid4()}{suffix}")

        assert foreign.status_code == missing.status_code == 404
        assert foreign.content == missing.content
    assert stranger.get(ROUTE).json() == {"data": [], "count": 0}


def test_jobs_of_an_organization_are_visible_to_its_members(client: APIClient, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope: dict[str, Any] = {"organization_id": str(organization.pk)}
    job = post(client, **scope).json()

    assert [item["id"] for item in client.get(ROUTE, scope).json()["data"]] == [job["id"]]
    assert client.get(ROUTE).json()["count"] == 0


def test_cancel_and_retry(client: APIClient) -> None:
    job = job_of(post(client))

    cancelled = client.post(f"{ROUTE}{job.pk}/cancel")
    again = client.post(f"{ROUTE}{job.pk}/cancel")
    retried = client.post(f"{ROUTE}{job.pk}/retry")

    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert again.status_code == 409
    assert retried.status_code == 202
    assert retried.json()["retry_of"] == str(job.pk)
    assert retried.headers["Location"] == f"{ROUTE}{retried.json()['id']}"
    assert run_job(job_of(retried)).status == JobStatus.COMPLETED_WITH_ERRORS
    assert client.post(f"{ROUTE}{retried.json()['id']}/cancel").status_code == 409


def test_the_template_is_a_csv_file(client: APIClient) -> None:
    response = client.get(f"{ROUTE}template")

    assert response.content.decode("utf-8-sig").splitlines()[0].startswith("sku,name,brand")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
