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
    other_client = client_of(UserFactory.create())

    for method, suffix in (
        ("get", ""),
        ("get", "/errors"),
        ("get", "/errors?format=csv"),
        ("post", "/cancel"),
        ("post", "/retry"),
    ):
        foreign_response = getattr(other_client, method)(f"{ROUTE}{job.pk}{suffix}")
        missing_response = getattr(other_client, method)(f"{ROUTE}{uuid4()}{suffix}")

        assert foreign_response.status_code == missing_response.status_code == 404
        assert foreign_response.content == missing_response.content
    assert other_client.get(ROUTE).json() == {"data": [], "count": 0}


def test_jobs_of_an_organization_are_visible_to_its_members(client: APIClient, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope: dict[str, Any] = {"organization_id": str(organization.pk)}
    job = post(client, **scope).json()

    assert [item["id"] for item in client.get(ROUTE, scope).json()["data"]] == [job["id"]]
    assert client.get(ROUTE).json()["count"] == 0


def test_cancel_and_retry(client: APIClient) -> None:
    job = job_of(post(client))

    cancel_response = client.post(f"{ROUTE}{job.pk}/cancel")
    second_response = client.post(f"{ROUTE}{job.pk}/cancel")
    retry_response = client.post(f"{ROUTE}{job.pk}/retry")

    assert (cancel_response.status_code, cancel_response.json()["status"]) == (202, "cancelled")
    assert second_response.status_code == 409
    assert retry_response.status_code == 202
    assert retry_response.json()["retry_of"] == str(job.pk)
    assert retry_response.headers["Location"] == f"{ROUTE}{retry_response.json()['id']}"
    assert run_job(job_of(retry_response)).status == JobStatus.COMPLETED_WITH_ERRORS
    assert client.post(f"{ROUTE}{retry_response.json()['id']}/cancel").status_code == 409


def test_the_template_is_a_csv_file(client: APIClient) -> None:
    response = client.get(f"{ROUTE}template")

    assert response.content.decode("utf-8-sig").splitlines()[0].startswith("sku,name,brand")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
