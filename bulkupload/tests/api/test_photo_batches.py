"""The routes of photo batches."""

from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from bulkupload.models import PhotoBatch, PhotoFile
from bulkupload.tests.photo_batches import image_hashes, outcomes, product, run
from media.models import Attachment, MediaResource
from media.storage import ObjectHeaders
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready_resource
from sartiq.core.models import IdempotencyKey
from sartiq.core.work import crash_points

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]

BATCHES = "/api/v1/photo-batches/"
HEADERS = ObjectHeaders(content_type="image/png")


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


def files(*names: str, **values: Any) -> list[dict[str, Any]]:
    body = photo(1)
    fields = {"content_type": "image/png", "file_size": len(body), **values}
    return [{"filename": name, **fields} for name in names]


def create(client: APIClient, *names: str, key: str | None = None, **values: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(BATCHES, {"files": files(*names), **values}, headers=headers)


def send(public: MemoryStore, client: APIClient, batch: dict[str, Any]) -> None:
    """Upload every photo as a client does, and report it."""
    for row in batch["files"]:
        upload = row["upload"]
        key = upload["file_url"].partition("/temp/")[2]
        public.put(f"temp/{key}", BytesIO(photo(1)), headers=HEADERS)
    ids = [row["id"] for row in batch["files"]]
    report_response = client.post(f"{BATCHES}{batch['id']}/uploaded", {"file_ids": ids})
    assert report_response.status_code == 200, report_response.content


def test_a_batch_from_its_names_to_its_report(
    public: MemoryStore, user: User, client: APIClient
) -> None:
    shoe = product(user, "AW-1")
    creation = create(client, "day 1/AW-1_front.png", "other.png", name="Day 1")
    batch = creation.json()
    [first, other] = batch["files"]

    assert creation.status_code == 201
    assert creation.headers["Location"] == f"{BATCHES}{batch['id']}"
    assert (batch["status"], batch["name"], batch["on_existing"]) == ("open", "Day 1", "append")
    assert batch["counts"]["total"] == 2
    assert batch["counts"]["undecided"] == 1
    assert first["match"] == {
        "status": "matched",
        "product_id": str(shoe.pk),
        "sku": "AW-1",
        "slot": "cover_image",
        "position": None,
        "by": "sku",
        "candidates": [],
    }
    assert other["match"]["status"] == "unmatched"
    assert set(first["upload"]) >= {
        *("upload_url", "upload_headers", "file_url", "expires_in_seconds"),
    }

    send(public, client, batch)
    batch_path = f"{BATCHES}{batch['id']}"
    start_response = client.post(f"{batch_path}/attach")
    assert (start_response.status_code, start_response.json()["status"]) == (202, "running")
    assert start_response.headers["Location"] == batch_path
    run(PhotoBatch.objects.get())
    finished_batch = client.get(batch_path).json()
    ready_files = client.get(f"{batch_path}/files", {"status": "ready"}).json()
    report = b"".join(client.get(f"{batch_path}/report")).decode()

    counts = finished_batch["counts"]
    assert (finished_batch["status"], counts["ready"], counts["failed"]) == ("done", 1, 1)
    assert finished_batch["seconds_left"] is None
    assert [row["id"] for row in ready_files["data"]] == [first["id"]]
    assert ready_files["count"] == 1
    assert report.splitlines()[1] == "day 1/AW-1_front.png,AW-1,cover_image,ready,"
    assert image_hashes(shoe) == {"cover_image": [sha256(photo(1)).hexdigest()[:8]]}


def test_the_same_key_creates_one_batch(user: User, client: APIClient) -> None:
    first, second = (create(client, "a.png", key="k-1") for _ in range(2))
    batch_path = first.headers["Location"]
    attach_responses = [
        client.post(f"{batch_path}/attach", headers={"Idempotency-Key": "k-2"}) for _ in range(2)
    ]

    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert [response.json()["status"] for response in attach_responses] == ["running"] * 2
    assert PhotoBatch.objects.count() == 1


def test_a_batch_is_not_started_without_saving_the_response(user: User, client: APIClient) -> None:
    """Otherwise the repeated request could find that the batch has ended."""
    product(user, "AW-1")
    batch = create(client, "AW-1.png").json()

    def lose_key(point: str) -> None:
        if point == "photo-batch-running":
            IdempotencyKey.objects.all().delete()  # it has expired, another request has it

    crash_points.install(lose_key)
    try:
        refused_response = client.post(
            f"{BATCHES}{batch['id']}/attach", headers={"Idempotency-Key": "a"}
        )
    finally:
        crash_points.install(None)

    assert refused_response.status_code == 409
    assert PhotoBatch.objects.get().status == "OPEN"


def test_a_stored_file_is_already_there(public: MemoryStore, user: User, client: APIClient) -> None:
    product(user, "AW-1")
    ready_resource(public, user, photo(1))
    digest = sha256(photo(1)).hexdigest()

    response = client.post(BATCHES, {"files": files("AW-1.png", sha256=digest)})

    [row] = response.json()["files"]
    assert (row["match"]["status"], row["upload"]) == ("already_there", None)


def test_a_stored_file_that_was_deleted_meanwhile_is_uploaded(
    public: MemoryStore, user: User, client: APIClient
) -> None:
    product(user, "AW-1")
    ready_resource(public, user, photo(1))
    digest = sha256(photo(1)).hexdigest()
    batch_path = client.post(BATCHES, {"files": files("AW-1.png", sha256=digest)}).headers[
        "Location"
    ]
    Attachment.objects.all().delete()
    MediaResource.objects.all().delete()
    client.post(f"{batch_path}/attach")
    run(PhotoBatch.objects.get())

    [failed_file] = client.get(f"{batch_path}/files").json()["data"]
    client.post(f"{batch_path}/retry")
    [ticket_row] = client.post(f"{batch_path}/tickets", {"file_ids": [failed_file["id"]]}).json()[
        "files"
    ]

    assert (failed_file["failure"]["code"], failed_file["match"]["status"]) == (
        "file_not_found",
        "matched",
    )
    assert (ticket_row["status"], ticket_row["match"]["status"]) == ("waiting", "matched")
    assert ticket_row["upload"] is not None


def test_two_equal_skus_are_candidates(user: User, client: APIClient) -> None:
    rows = [product(user, sku) for sku in ("AW-1", "aw_1")]

    [row] = create(client, "aw1.png").json()["files"]

    assert row["match"]["status"] == "ambiguous"
    assert row["match"]["candidates"] == [
        {"product_id": str(candidate.pk), "sku": candidate.sku} for candidate in rows
    ]


@pytest.mark.parametrize(
    ("values", "loc", "code"),
    [
        ({"files": []}, ["files"], "too_few"),
        ({"files": files(*map(str, range(501)))}, ["files"], "too_many"),
        ({"files": files("a.png", "a.png")}, ["files", 1, "filename"], "duplicate"),
        ({"files": files("x" * 300)}, ["files", 0, "filename"], "string_too_long"),
        ({"files": files("x" * 501)}, ["files", 0, "filename"], "string_too_long"),
        ({"files": files("day 1/")}, ["files", 0, "filename"], "file_name"),
        ({"files": files("a.png", file_size=0)}, ["files", 0, "file_size"], "file_too_small"),
        ({"files": files("a.png", file_size=None)}, ["files", 0, "file_size"], "null_not_allowed"),
        (
            {"files": files("a.pdf", content_type="application/pdf")},
            ["files", 0, "content_type"],
            "image_required",
        ),
        (
            {"files": files("a.txt", content_type="text/plain")},
            ["files", 0, "content_type"],
            "image_required",
        ),
        (
            {"files": files("a.svg", content_type="image/svg+xml")},
            ["files", 0, "content_type"],
            "content_type_not_allowed",
        ),
        ({"template": "{brand"}, ["template"], "template_invalid"),
        ({"template": "{sku}"}, ["template"], "template_invalid"),
        ({"template": "{brand}_{shot_type}"}, ["template"], "template_invalid"),
        ({"on_existing": "merge"}, ["on_existing"], "enum"),
    ],
)
def test_invalid_input_is_reported_and_writes_nothing(
    client: APIClient, values: dict[str, Any], loc: list[str | int], code: str
) -> None:
    response = client.post(BATCHES, {"files": files("a.png"), **values})

    [issue] = response.json()["detail"]
    assert (response.status_code, issue["loc"], issue["type"]) == (422, ["body", *loc], code)
    assert not PhotoBatch.objects.exists()


def test_photos_are_added(user: User, client: APIClient) -> None:
    batch_path = create(client, "a.png").headers["Location"]

    add_response = client.post(f"{batch_path}/files", {"files": files("b.png")})
    repeated_response = client.post(f"{batch_path}/files", {"files": files("c.png", "a.png")})

    assert (add_response.status_code, add_response.headers["Location"]) == (
        201,
        f"{batch_path}/files",
    )
    assert [row["filename"] for row in add_response.json()["files"]] == ["b.png"]
    assert repeated_response.json()["detail"][0]["loc"] == ["body", "files", 1, "filename"]
    assert list(outcomes(PhotoBatch.objects.get())) == ["a.png", "b.png"]


def test_a_photo_is_changed(user: User, client: APIClient) -> None:
    shoe, foreign_product = product(user, "AW-1"), product(UserFactory.create(), "AW-1")
    creation = create(client, "a.png")
    [row] = creation.json()["files"]
    photo_path = f"{creation.headers['Location']}/files/{row['id']}"

    responses_without_product = [
        client.patch(photo_path, {"slot": "images"}),
        client.patch(photo_path, {"position": 0}),
    ]
    choice_response = client.patch(
        photo_path, {"product_id": str(shoe.pk), "slot": "back_image", "position": 3}
    )
    refused_responses = [
        client.patch(photo_path, {"product_id": str(foreign_product.pk)}),
        client.patch(photo_path, {"slot": "front"}),
    ]
    skip_response = client.patch(photo_path, {"skip": True})
    missing_response = client.patch(
        f"{creation.headers['Location']}/files/{uuid4()}", {"skip": True}
    )

    match = choice_response.json()["match"]
    assert (match["sku"], match["slot"], match["position"]) == ("AW-1", "back_image", 3)
    assert match["by"] == "hand"
    types = [response.json()["detail"][0]["type"] for response in refused_responses]
    assert types == ["not_found", "enum"]
    locs = [response.json()["detail"][0]["loc"] for response in responses_without_product]
    assert locs == [["body", "slot"], ["body", "position"]]
    assert skip_response.json()["status"] == "skipped"
    assert missing_response.status_code == 404
    PhotoFile.objects.update(status="READY")
    assert client.patch(photo_path, {"skip": False}).status_code == 409


def test_new_tickets_cancel_and_retry(user: User, client: APIClient) -> None:
    creation = create(client, "a.png")
    batch_path, [row] = creation.headers["Location"], creation.json()["files"]

    second_response = client.post(f"{batch_path}/tickets", {"file_ids": [row["id"]]})
    unknown_response = client.post(f"{batch_path}/tickets", {"file_ids": [str(uuid4())]})
    early_retry_response = client.post(f"{batch_path}/retry")
    cancel_response = client.post(f"{batch_path}/cancel")
    attach_response = client.post(f"{batch_path}/attach")
    retry_response = client.post(f"{batch_path}/retry")

    assert second_response.json()["files"][0]["upload"]["upload_url"] != row["upload"]["upload_url"]
    assert unknown_response.json()["detail"][0]["loc"] == ["body", "file_ids", 0]
    statuses = [
        response.status_code
        for response in (early_retry_response, cancel_response, attach_response, retry_response)
    ]
    assert statuses == [409, 202, 409, 202]
    for response in (cancel_response, retry_response):
        assert response.headers["Location"] == batch_path
    assert retry_response.json()["status"] == "running"
