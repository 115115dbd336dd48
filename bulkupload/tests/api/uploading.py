"""Requests that start bulk uploads."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from bulkupload.models import BulkUploadJob

ROUTE = "/api/v1/bulk-upload/"
TABLE = b"sku;name\nA;Shoe\n;Boot\n"


def post(client: APIClient, body: bytes = TABLE, *, path: str = ROUTE, **fields: Any) -> Any:
    """Send a form with a table and other fields; `name` is the file name, `headers` are headers."""
    headers = fields.pop("headers", {})
    form = {"file": SimpleUploadedFile(fields.pop("name", "products.csv"), body), **fields}
    return client.post(path, form, format="multipart", headers=headers)


def job_of(response: Any) -> BulkUploadJob:
    """Return the job that a request started."""
    assert response.status_code == 202, response.content
    job: BulkUploadJob = BulkUploadJob.objects.get(pk=response.json()["id"])
    return job
