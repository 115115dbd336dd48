"""Requests that are repeated with an Idempotency-Key."""

from functools import partial

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory, client_of
from bulkupload.models import BulkUploadJob
from bulkupload.tests.api.uploading import ROUTE, TABLE, job_of, post
from bulkupload.tests.importing import run_job
from media.storage.testing.memory import MemoryStore
from media.tests.threads import at_once
from sartiq.core.models import IdempotencyKey


def test_the_same_key_for_another_organization_is_rejected(client: APIClient, user: User) -> None:
    organization_id = MembershipFactory.create(user=user).organization_id
    key = {"Idempotency-Key": "k"}
    first = post(client, headers=key)

    other_response = post(client, path=f"{ROUTE}?organization_id={organization_id}", headers=key)

    assert (first.status_code, other_response.status_code) == (202, 422)
    assert BulkUploadJob.objects.count() == 1


@pytest.mark.covers("T64")
def test_the_same_request_with_the_same_key_starts_one_job(client: APIClient) -> None:
    key = {"Idempotency-Key": "k-1"}

    first, second = post(client, headers=key), post(client, headers=key)
    other_table_response = post(client, TABLE + b"B;Hat\n", headers=key)
    other_fields_response = post(client, dry_run="true", headers=key)

    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    for response in (other_table_response, other_fields_response):
        assert response.status_code == 422
        assert response.json()["detail"][0]["type"] == "idempotency_key_reused"
    assert BulkUploadJob.objects.count() == 1


@pytest.mark.covers("T64")
@pytest.mark.django_db(transaction=True)
def test_fifty_concurrent_requests_with_one_key_start_one_job(
    private: MemoryStore, user: User
) -> None:
    clients = [client_of(user) for _ in range(50)]
    key = {"Idempotency-Key": "k-50"}

    responses = at_once([partial(post, client, headers=key) for client in clients])

    statuses = {response.status_code for response in responses}
    assert statuses <= {202, 409}
    assert BulkUploadJob.objects.count() == 1
    assert IdempotencyKey.objects.get().status_code == 202
    assert (
        len({response.json()["id"] for response in responses if response.status_code == 202}) == 1
    )


@pytest.mark.covers("T64")
def test_the_same_retry_with_the_same_key_starts_one_job(client: APIClient) -> None:
    one, other = (job_of(post(client)) for _ in range(2))
    for job in (one, other):
        client.post(f"{ROUTE}{job.pk}/cancel")
    key = {"Idempotency-Key": "k-2"}

    first = client.post(f"{ROUTE}{one.pk}/retry", headers=key)
    second = client.post(f"{ROUTE}{one.pk}/retry", headers=key)
    response = client.post(f"{ROUTE}{other.pk}/retry", headers=key)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert response.status_code == 422
    assert response.json()["detail"][0]["type"] == "idempotency_key_reused"
    assert [job.pk for job in one.retries.all()] == [job_of(first).pk]
    assert not other.retries.exists()


@pytest.mark.covers("T64")
def test_the_same_retry_of_refused_rows_starts_one_job(client: APIClient) -> None:
    job = run_job(job_of(post(client)))
    key = {"Idempotency-Key": "k-4"}

    responses = [client.post(f"{ROUTE}{job.pk}/retry", headers=key) for _ in range(2)]

    assert responses[1].json() == responses[0].json()
    assert [retry_job.pk for retry_job in job.retries.all()] == [job_of(responses[0]).pk]


def test_a_refused_retry_does_not_use_up_its_key(client: APIClient) -> None:
    job = job_of(post(client))
    key = {"Idempotency-Key": "k-3"}

    early_response = client.post(f"{ROUTE}{job.pk}/retry", headers=key)
    client.post(f"{ROUTE}{job.pk}/cancel")
    later_response = client.post(f"{ROUTE}{job.pk}/retry", headers=key)

    assert (early_response.status_code, later_response.status_code) == (409, 202)
