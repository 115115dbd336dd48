"""Bodies that are refused: no table, too large, incomplete."""

import io
from typing import Any

import pytest
from rest_framework.test import APIClient

from bulkupload.models import BulkUploadJob
from bulkupload.rules import limits
from bulkupload.tests.api.uploading import ROUTE, post
from media.models import ObjectDeletion


@pytest.mark.covers("T63")
@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "products.csv", "not_a_table"),
        (b"PK\x03\x04" + bytes(64), "products.xlsx", "not_a_table"),
        (b"", "products.csv", "file_empty"),
    ],
)
def test_a_file_that_is_not_a_table_is_rejected_with_422(
    client: APIClient, body: bytes, name: str, code: str
) -> None:
    response = post(client, body, name=name)

    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert issue["type"] == code
    assert issue["loc"] == ["body", "file"]
    assert not BulkUploadJob.objects.exists()
    assert not ObjectDeletion.objects.exists()


@pytest.mark.covers("T62")
def test_a_body_with_a_length_above_the_limit_is_not_read(client: APIClient) -> None:
    response = client.generic(
        "POST",
        ROUTE,
        "--x--",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(limits.MAX_FILE_BYTES + limits.MAX_FORM_BYTES + 1),
    )

    assert response.status_code == 413


def form(*parts: tuple[str, str]) -> str:
    """Return a form's body; each part is its quoted name, with any more headers, and its value."""
    bodies = (
        f"--x\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}"
        for name, value in parts
    )
    return "\r\n".join([*bodies, "--x--\r\n"])


@pytest.mark.parametrize("cut_at", ['name="organization_id"', 'name="dry_run"', "ue\r\n--x--"])
def test_an_incomplete_body_starts_no_job(client: APIClient, cut_at: str) -> None:
    parts = ('"file"; filename="a.csv"', "sku,name\nA,Shoe\n"), ('"organization_id"', "")
    body = form(*parts, ('"dry_run"', "true"))
    environ: dict[str, Any] = {"wsgi.input": io.BytesIO(body[: body.index(cut_at)].encode())}

    response = client.generic(
        "POST",
        ROUTE,
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(len(body)),
        **environ,
    )

    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert issue["msg"] == "The body ends before its Content-Length. Send it again."
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
def test_an_invalid_form_starts_no_job(
    client: APIClient, body: str, loc: list[str], code: str
) -> None:
    response = client.generic("POST", ROUTE, body, content_type="multipart/form-data; boundary=x")

    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert (issue["loc"], issue["type"]) == (loc, code)
    assert not BulkUploadJob.objects.exists()
