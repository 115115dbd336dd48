"""Starting a bulk upload: its file, its fields and its owner."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.tests.api.uploading import ROUTE, job_of, post
from bulkupload.tests.importing import run_job
from catalog.models import Product

FIELDS = {
    *("id", "user_id", "organization_id", "status", "filename", "dialect", "columns"),
    *("total_rows", "processed_rows", "created", "updated", "unchanged", "failed", "media"),
    *("dry_run", "rows_per_second", "seconds_left", "failure", "retry_of"),
    *("started_at", "finished_at", "created_at", "updated_at"),
}


@pytest.mark.parametrize("root", ["/api/v1", ""])
def test_a_table_is_accepted_and_its_progress_can_be_read(
    client: APIClient, user: User, root: str
) -> None:
    response = post(client, path=f"{root}/bulk-upload/")
    queued_job = response.json()
    run_job(job_of(response))
    finished_job = client.get(response.headers["Location"]).json()

    assert response.headers["Location"] == f"{root}/bulk-upload/{queued_job['id']}"
    assert set(queued_job) == set(finished_job) == FIELDS
    assert (queued_job["status"], queued_job["dialect"], queued_job["total_rows"]) == (
        "queued",
        None,
        0,
    )
    assert finished_job["status"] == "completed_with_errors"
    assert finished_job["dialect"] == {
        "format": "csv",
        "encoding": "utf-8",
        "confidence": 1.0,
        "delimiter": ";",
        "line_ending": "\n",
    }
    assert finished_job["columns"][0] == {"name": "sku", "field": "sku", "suggestion": None}
    count_names = ("total_rows", "processed_rows", "created", "updated", "unchanged", "failed")
    assert [finished_job[name] for name in count_names] == [2, 2, 1, 0, 0, 1]
    assert finished_job["media"] == {"pending": 0, "ready": 0, "failed": 0}
    assert finished_job["rows_per_second"] > 0
    assert finished_job["seconds_left"] is None


def test_a_dry_run_and_a_mapping_are_read_from_the_form(client: APIClient) -> None:
    mapping = json.dumps({"code": "sku", "label": "name"})

    response = post(client, b"code,label\nA,Shoe\n", dry_run="true", mapping=mapping)
    job = run_job(job_of(response))

    assert job.dry_run
    assert client.get(f"{ROUTE}{job.pk}").json()["created"] == 1
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("fields", "name", "code"),
    [
        ({"mapping": "{"}, "mapping", "value_error"),
        ({"mapping": "[" * 100_000}, "mapping", "value_error"),
        ({"mapping": "[]"}, "mapping", "object_type"),
        ({"mapping": '{"a": "colour"}'}, "mapping", "enum"),
        ({"mapping": '{"a": ["sku"]}'}, "mapping", "enum"),
        ({"mapping": '{"a\\u0000": "sku"}'}, "mapping", "string_characters"),
        ({"mapping": '{"a\\ud800": "sku"}'}, "mapping", "string_characters"),
        ({"mapping": '{"a": "sku", "b": "sku"}'}, "mapping", "duplicate"),
        ({"mapping": '{"a": "sku", "a ": "name"}'}, "mapping", "duplicate"),
        ({"mapping": json.dumps(dict.fromkeys(map(str, range(101))))}, "mapping", "object_type"),
        ({"mapping": '{"a": "sku", "a": "name"}'}, "mapping", "duplicate"),
        ({"mapping": ""}, "mapping", "value_error"),
        *[
            ({"dry_run": value}, "dry_run", "bool_parsing")
            for value in ("", "perhaps", "tRuE", "yes", "on", "t", " true", "2", "null")
        ],
        ({"dry_run": ["false", "true"]}, "dry_run", "repeated_parameter"),
        ({"organization_id": ""}, "organization_id", "uuid_parsing"),
        ({"organization_id": "mine"}, "organization_id", "uuid_parsing"),
        ({"dry-run": "true"}, "dry-run", "unknown_parameter"),
        ({"organisation_id": "mine"}, "organisation_id", "unknown_parameter"),
    ],
)
def test_malformed_fields_are_reported_by_name(
    client: APIClient, fields: dict[str, Any], name: str, code: str
) -> None:
    response = post(client, **fields)

    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert (issue["loc"][:2], issue["type"]) == (["body", name], code)
    assert not BulkUploadJob.objects.exists()


@pytest.mark.parametrize("root", ["/api/v1", ""])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("sent_in", ["query", "form", "both"])
def test_the_organization_may_be_in_the_query_or_the_form(
    client: APIClient, user: User, root: str, slash: str, sent_in: str
) -> None:
    organization_id = str(MembershipFactory.create(user=user).organization_id)
    query = "" if sent_in == "form" else f"?organization_id={organization_id}"
    fields: dict[str, Any] = (
        {} if sent_in == "query" else {"organization_id": organization_id.upper()}
    )

    response = post(client, path=f"{root}/bulk-upload{slash}{query}", **fields)

    assert (response.status_code, response.json()["organization_id"]) == (202, organization_id)
    assert str(job_of(response).organization_id) == organization_id


def test_different_organizations_in_query_and_form_start_no_job(
    client: APIClient, user: User
) -> None:
    one, other = (MembershipFactory.create(user=user).organization_id for _ in range(2))

    response = post(client, path=f"{ROUTE}?organization_id={one}", organization_id=str(other))

    [issue] = response.json()["detail"]
    assert (response.status_code, issue["loc"]) == (422, ["body", "organization_id"])
    assert not BulkUploadJob.objects.exists()


@pytest.mark.covers("T41")
def test_read_only_fields_are_ignored(client: APIClient, user: User) -> None:
    read_only_fields: dict[str, Any] = {
        "id": str(uuid4()),
        "user_id": str(uuid4()),
        "status": "completed",
        "source_key": "loras/x",
        "total_rows": "7",
        "created_at": "2001-01-01T00:00:00Z",
        "failure_code": "x",
    }

    job = job_of(post(client, **read_only_fields))

    assert str(job.pk) != read_only_fields["id"]
    assert job.user_id == user.pk
    assert (job.status, job.total_rows, job.failure_code) == (JobStatus.QUEUED, 0, "")
    assert job.source_key == f"bulk/{job.pk}/products.csv"
    assert job.created_at.year > 2001


def test_a_name_with_path_parts_is_cleaned(client: APIClient) -> None:
    job = job_of(post(client, name="Größe (1).csv"))

    assert job.source_key == f"bulk/{job.pk}/Groe_1.csv"


@pytest.mark.parametrize("stated_in", ["field", "charset"])
def test_an_encoding_can_be_stated(client: APIClient, user: User, stated_in: str) -> None:
    content = "sku,name\nA,Żółty but\n".encode("cp1250")
    content_type = "text/csv" + ("; charset=windows-1250" if stated_in == "charset" else "")
    file = SimpleUploadedFile("t.csv", content, content_type=content_type)
    form: dict[str, Any] = {"file": file}
    if stated_in == "field":
        form["encoding"] = "Windows-1250"

    response = client.post("/api/v1/bulk-upload/", form, format="multipart")

    assert response.status_code == 202
    assert BulkUploadJob.objects.get(pk=response.json()["id"]).encoding == "cp1250"


@pytest.mark.parametrize("label", ["utf-7", "nonsense", ""])
def test_an_unsupported_encoding_is_rejected_with_422(client: APIClient, label: str) -> None:
    form = {"file": SimpleUploadedFile("t.csv", b"sku,name\nA,B\n"), "encoding": label}

    response = client.post("/api/v1/bulk-upload/", form, format="multipart")

    assert (response.status_code, response.json()["detail"][0]["loc"]) == (
        422,
        ["body", "encoding"],
    )
    assert not BulkUploadJob.objects.exists()
