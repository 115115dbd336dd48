"""The routes of bulk uploads, as a client sees them."""

import io
import json
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.rules import limits
from bulkupload.tests.importing import work_off
from catalog.models import Product
from media.models import ObjectDeletion
from media.storage.testing.memory import MemoryStore
from media.tests.threads import at_once
from sartiq.core.models import IdempotencyKey

ROUTE = "/api/v1/bulk-upload/"
TABLE = b"sku;name\nA;Shoe\n;Boot\n"
FIELDS = {
    *("id", "user_id", "organization_id", "status", "filename", "dialect", "columns"),
    *("total_rows", "processed_rows", "created", "updated", "unchanged", "failed", "media"),
    *("dry_run", "rows_per_second", "seconds_left", "failure", "retry_of"),
    *("started_at", "finished_at", "created_at", "updated_at"),
}


@pytest.fixture
def client(user: User, private: MemoryStore) -> APIClient:
    return client_of(user)


def post(client: APIClient, body: bytes = TABLE, *, path: str = ROUTE, **more: Any) -> Any:
    headers = more.pop("headers", {})
    sent = {"file": SimpleUploadedFile(more.pop("name", "products.csv"), body), **more}
    return client.post(path, sent, format="multipart", headers=headers)


def job_of(answer: Any) -> BulkUploadJob:
    assert answer.status_code == 202, answer.content
    found: BulkUploadJob = BulkUploadJob.objects.get(pk=answer.json()["id"])
    return found


@pytest.mark.parametrize("root", ["/api/v1", ""])
def test_a_table_is_taken_in_and_watched(client: APIClient, user: User, root: str) -> None:
    answer = post(client, path=f"{root}/bulk-upload/")
    queued = answer.json()
    work_off(job_of(answer))
    done = client.get(answer.headers["Location"]).json()

    assert answer.headers["Location"] == f"{root}/bulk-upload/{queued['id']}"
    assert set(queued) == set(done) == FIELDS
    assert (queued["status"], queued["dialect"], queued["total_rows"]) == ("queued", None, 0)
    assert done["status"] == "completed_with_errors"
    assert done["dialect"] == {
        "format": "csv",
        "encoding": "utf-8",
        "confidence": 1.0,
        "delimiter": ";",
        "line_ending": "\n",
    }
    assert done["columns"][0] == {"name": "sku", "field": "sku", "suggestion": None}
    counted = ("total_rows", "processed_rows", "created", "updated", "unchanged", "failed")
    assert [done[name] for name in counted] == [2, 2, 1, 0, 0, 1]
    assert done["media"] == {"pending": 0, "ready": 0, "failed": 0}
    assert done["rows_per_second"] > 0
    assert done["seconds_left"] is None


def test_errors_are_told_in_json_and_csv(client: APIClient) -> None:
    answer = post(client)
    work_off(job_of(answer))
    path = f"{ROUTE}{answer.json()['id']}/errors"

    listed = client.get(path).json()
    by_query: Any = client.get(path, {"format": "csv"})
    by_header: Any = client.get(path, headers={"Accept": "text/csv"})
    by_path: Any = client.get(f"{path}.csv")

    assert listed == {
        "data": [
            {
                "row": 2,
                "line": 3,
                "column": "sku",
                "value": "",
                "severity": "error",
                "code": "missing",
                "message": "Every row needs a sku. Fill this cell.",
            }
        ],
        "count": 1,
    }
    body = b"".join(by_query.streaming_content)
    assert body == b"".join(by_header.streaming_content)
    assert body == b"".join(by_path.streaming_content)
    assert by_path.headers["Content-Disposition"] == by_query.headers["Content-Disposition"]
    assert by_path.headers["Content-Type"] == by_query.headers["Content-Type"]
    assert body.splitlines()[0] == (
        b'"sku";"name";"error_line";"error_column";"error_code";"error_message"'
    )
    assert by_query.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "products-errors.csv" in by_query.headers["Content-Disposition"]


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
@pytest.mark.parametrize("name", ["skip", "limit"])
def test_a_part_of_the_error_file_is_refused(client: APIClient, accept: str, name: str) -> None:
    path = f"{ROUTE}{post(client).json()['id']}/errors"
    query = {name: "1"} if accept == "text/csv" else {name: "1", "format": "csv"}

    answer = client.get(path, query, headers={"Accept": accept})

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", name])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("application/json, text/csv;q=0.1", "application/json"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv;header=present, */*;q=0.1", "text/csv; charset=utf-8"),
        ("application/json; charset=utf-8, text/csv;q=0.1", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_errors_come_in_the_format_the_client_likes_best(
    client: APIClient, accept: str, content_type: str
) -> None:
    answer = post(client)
    path = f"{ROUTE}{answer.json()['id']}/errors"

    assert client.get(path, headers={"Accept": accept}).headers["Content-Type"] == content_type


def test_errors_are_paged(client: APIClient) -> None:
    answer = post(client, b"sku,name\n" + b",x\n" * 5)
    work_off(job_of(answer))

    page = client.get(f"{ROUTE}{answer.json()['id']}/errors", {"skip": 3, "limit": 1}).json()

    assert ([each["row"] for each in page["data"]], page["count"]) == ([4], 5)


def test_a_page_of_errors_leaves_the_rows_themselves_where_they_are(client: APIClient) -> None:
    answer = post(client, b"sku,name\n" + b",x\n" * 5)
    work_off(job_of(answer))

    with CaptureQueriesContext(connection) as asked:
        client.get(f"{ROUTE}{answer.json()['id']}/errors")

    [page] = [each["sql"] for each in asked if "position" in each["sql"]]
    assert "message" in page
    assert "cells" not in page


def test_a_dry_run_and_a_mapping_are_taken_from_the_form(client: APIClient) -> None:
    mapping = json.dumps({"code": "sku", "label": "name"})

    answer = post(client, b"code,label\nA,Shoe\n", dry_run="true", mapping=mapping)
    job = work_off(job_of(answer))

    assert job.dry_run
    assert client.get(f"{ROUTE}{job.pk}").json()["created"] == 1
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("fields", "place", "code"),
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
def test_malformed_fields_are_named(
    client: APIClient, fields: dict[str, Any], place: str, code: str
) -> None:
    answer = post(client, **fields)

    assert answer.status_code == 422
    [issue] = answer.json()["detail"]
    assert (issue["loc"][:2], issue["type"]) == (["body", place], code)
    assert not BulkUploadJob.objects.exists()


@pytest.mark.parametrize("root", ["/api/v1", ""])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("places", ["query", "form", "both"])
def test_the_organization_stands_in_the_query_or_the_form(
    client: APIClient, user: User, root: str, slash: str, places: str
) -> None:
    organization_id = str(MembershipFactory.create(user=user).organization_id)
    query = "" if places == "form" else f"?organization_id={organization_id}"
    fields: dict[str, Any] = (
        {} if places == "query" else {"organization_id": organization_id.upper()}
    )

    answer = post(client, path=f"{root}/bulk-upload{slash}{query}", **fields)

    assert (answer.status_code, answer.json()["organization_id"]) == (202, organization_id)
    assert str(job_of(answer).organization_id) == organization_id


def test_a_query_and_a_form_that_differ_start_nothing(client: APIClient, user: User) -> None:
    one, other = (MembershipFactory.create(user=user).organization_id for _ in range(2))

    answer = post(client, path=f"{ROUTE}?organization_id={one}", organization_id=str(other))

    [issue] = answer.json()["detail"]
    assert (answer.status_code, issue["loc"]) == (422, ["body", "organization_id"])
    assert not BulkUploadJob.objects.exists()


def test_a_key_sent_with_another_organization_is_another_request(
    client: APIClient, user: User
) -> None:
    organization_id = MembershipFactory.create(user=user).organization_id
    key = {"Idempotency-Key": "k"}
    first = post(client, headers=key)

    elsewhere = post(client, path=f"{ROUTE}?organization_id={organization_id}", headers=key)

    assert (first.status_code, elsewhere.status_code) == (202, 422)
    assert BulkUploadJob.objects.count() == 1


@pytest.mark.covers("T63")
@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "products.csv", "not_a_table"),
        (b"PK\x03\x04" + bytes(64), "products.xlsx", "not_a_table"),
        (b"", "products.csv", "file_empty"),
    ],
)
def test_a_file_that_is_no_table_is_a_422(
    client: APIClient, body: bytes, name: str, code: str
) -> None:
    answer = post(client, body, name=name)

    assert answer.status_code == 422
    [issue] = answer.json()["detail"]
    assert issue["type"] == code
    assert issue["loc"] == ["body", "file"]
    assert not BulkUploadJob.objects.exists()
    assert not ObjectDeletion.objects.exists()


@pytest.mark.covers("T62")
def test_a_body_that_says_it_is_too_large_is_not_read(client: APIClient) -> None:
    answer = client.generic(
        "POST",
        ROUTE,
        "--x--",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(limits.MAX_FILE_BYTES + limits.MAX_FORM_BYTES + 1),
    )

    assert answer.status_code == 413


def form(*parts: tuple[str, str]) -> str:
    """Return a form's body: the names of its parts, with what follows, and their values."""
    bodies = (f"--x\r\nContent-Disposition: form-data; name={of}\r\n\r\n{v}" for of, v in parts)
    return "\r\n".join([*bodies, "--x--\r\n"])


@pytest.mark.parametrize("cut", ['name="organization_id"', 'name="dry_run"', "ue\r\n--x--"])
def test_a_body_that_was_cut_off_starts_nothing(client: APIClient, cut: str) -> None:
    parts = ('"file"; filename="a.csv"', "sku,name\nA,Shoe\n"), ('"organization_id"', "")
    whole = form(*parts, ('"dry_run"', "true"))
    sent: dict[str, Any] = {"wsgi.input": io.BytesIO(whole[: whole.index(cut)].encode())}

    answer = client.generic(
        "POST",
        ROUTE,
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(len(whole)),
        **sent,
    )

    assert answer.status_code == 422
    [issue] = answer.json()["detail"]
    assert issue["msg"] == "The body ends before its Content-Length; send it again."
    assert not BulkUploadJob.objects.exists()


@pytest.mark.parametrize(
    ("body", "loc", "code"),
    [
        (form(*[('"file"; filename="a.csv"', "sku,name\n")] * 2), ["body", "file"], "too_many"),
        (
            form(('"file"; filename="a.csv"\r\nContent-Transfer-Encoding: base64', "!!!!!")),
            ["body"],
            "value_error",
        ),
    ],
)
def test_a_form_is_read_as_a_whole_or_not_at_all(
    client: APIClient, body: str, loc: list[str], code: str
) -> None:
    answer = client.generic("POST", ROUTE, body, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 422
    [issue] = answer.json()["detail"]
    assert (issue["loc"], issue["type"]) == (loc, code)
    assert not BulkUploadJob.objects.exists()


@pytest.mark.covers("T64")
def test_the_same_request_with_a_key_is_one_job(client: APIClient) -> None:
    key = {"Idempotency-Key": "k-1"}

    first, second = post(client, headers=key), post(client, headers=key)
    other = post(client, TABLE + b"B;Hat\n", headers=key)
    renamed = post(client, dry_run="true", headers=key)

    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    for answer in (other, renamed):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["type"] == "idempotency_key_reused"
    assert BulkUploadJob.objects.count() == 1


@pytest.mark.covers("T64")
@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_with_one_key_are_one_job(private: MemoryStore, user: User) -> None:
    clients = [client_of(user) for _ in range(50)]
    key = {"Idempotency-Key": "k-50"}

    answers = at_once([partial(post, each, headers=key) for each in clients])

    statuses = {answer.status_code for answer in answers}
    assert statuses <= {202, 409}
    assert BulkUploadJob.objects.count() == 1
    assert IdempotencyKey.objects.get().status_code == 202
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1


@pytest.mark.covers("T65")
def test_a_foreign_job_is_not_there(client: APIClient) -> None:
    job = job_of(post(client))
    stranger = client_of(UserFactory.create())

    for method, act in (
        ("get", ""),
        ("get", "/errors"),
        ("get", "/errors?format=csv"),
        ("post", "/cancel"),
        ("post", "/retry"),
    ):
        foreign = getattr(stranger, method)(f"{ROUTE}{job.pk}{act}")
        missing = getattr(stranger, method)(f"{ROUTE}{uuid4()}{act}")

        assert foreign.status_code == missing.status_code == 404
        assert foreign.content == missing.content
    assert stranger.get(ROUTE).json() == {"data": [], "count": 0}


def test_an_organizations_jobs_are_its_members(client: APIClient, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope: dict[str, Any] = {"organization_id": str(organization.pk)}
    made = post(client, **scope).json()

    assert [each["id"] for each in client.get(ROUTE, scope).json()["data"]] == [made["id"]]
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
    assert work_off(job_of(retried)).status == JobStatus.COMPLETED_WITH_ERRORS
    assert client.post(f"{ROUTE}{retried.json()['id']}/cancel").status_code == 409


@pytest.mark.covers("T64")
def test_the_same_retry_with_a_key_is_one_job(client: APIClient) -> None:
    one, other = (job_of(post(client)) for _ in range(2))
    for job in (one, other):
        client.post(f"{ROUTE}{job.pk}/cancel")
    key = {"Idempotency-Key": "k-2"}

    first = client.post(f"{ROUTE}{one.pk}/retry", headers=key)
    second = client.post(f"{ROUTE}{one.pk}/retry", headers=key)
    elsewhere = client.post(f"{ROUTE}{other.pk}/retry", headers=key)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert elsewhere.status_code == 422
    assert elsewhere.json()["detail"][0]["type"] == "idempotency_key_reused"
    assert [job.pk for job in one.retries.all()] == [job_of(first).pk]
    assert not other.retries.exists()


@pytest.mark.covers("T64")
def test_the_same_retry_of_refused_rows_with_a_key_is_one_job(client: APIClient) -> None:
    job = work_off(job_of(post(client)))
    key = {"Idempotency-Key": "k-4"}

    answers = [client.post(f"{ROUTE}{job.pk}/retry", headers=key) for _ in range(2)]

    assert answers[1].json() == answers[0].json()
    assert [retried.pk for retried in job.retries.all()] == [job_of(answers[0]).pk]


def test_a_refused_retry_does_not_use_up_its_key(client: APIClient) -> None:
    job = job_of(post(client))
    key = {"Idempotency-Key": "k-3"}

    early = client.post(f"{ROUTE}{job.pk}/retry", headers=key)
    client.post(f"{ROUTE}{job.pk}/cancel")
    later = client.post(f"{ROUTE}{job.pk}/retry", headers=key)

    assert (early.status_code, later.status_code) == (409, 202)


@pytest.mark.covers("T41")
def test_the_servers_own_fields_are_not_taken_from_the_form(client: APIClient, user: User) -> None:
    forged: dict[str, Any] = {
        "id": str(uuid4()),
        "user_id": str(uuid4()),
        "status": "completed",
        "source_key": "loras/x",
        "total_rows": "7",
        "created_at": "2001-01-01T00:00:00Z",
        "failure_code": "x",
    }

    job = job_of(post(client, **forged))

    assert str(job.pk) != forged["id"]
    assert job.user_id == user.pk
    assert (job.status, job.total_rows, job.failure_code) == (JobStatus.QUEUED, 0, "")
    assert job.source_key == f"bulk/{job.pk}/products.csv"
    assert job.created_at.year > 2001


def test_the_template_is_a_table(client: APIClient) -> None:
    answer = client.get(f"{ROUTE}template")

    assert answer.content.decode("utf-8-sig").splitlines()[0].startswith("sku,name,brand")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_a_name_with_path_parts_is_cleaned(client: APIClient) -> None:
    job = job_of(post(client, name="Größe (1).csv"))

    assert job.source_key == f"bulk/{job.pk}/Groe_1.csv"


@pytest.mark.parametrize("by", ["field", "charset"])
def test_the_encoding_may_be_stated(client: APIClient, user: User, by: str) -> None:
    content = "sku,name\nA,Żółty but\n".encode("cp1250")
    kind = "text/csv" + ("; charset=windows-1250" if by == "charset" else "")
    form: dict[str, Any] = {"file": SimpleUploadedFile("t.csv", content, content_type=kind)}
    if by == "field":
        form["encoding"] = "Windows-1250"

    answer = client.post("/api/v1/bulk-upload/", form, format="multipart")

    assert answer.status_code == 202
    assert BulkUploadJob.objects.get(pk=answer.json()["id"]).encoding == "cp1250"


@pytest.mark.parametrize("label", ["utf-7", "nonsense", ""])
def test_an_encoding_that_tables_may_not_have_is_422(client: APIClient, label: str) -> None:
    form = {"file": SimpleUploadedFile("t.csv", b"sku,name\nA,B\n"), "encoding": label}

    answer = client.post("/api/v1/bulk-upload/", form, format="multipart")

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "encoding"])
    assert not BulkUploadJob.objects.exists()
