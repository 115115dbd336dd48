"""Requests that start bulk uploads."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from bulkupload.models import BulkUploadJob

ROUTE = "/api/v1/bulk-upload/"
TABLE = b"sku;name\nA;Shoe\n;Boot\n"


def post(client: APIClient, body: bytes = TABLE, *, path: str = ROUTE, **more: Any) -> Any:
    """Send a table as a form, with more fields."""
    headers = more.pop("headers", {})
    form = {"file": SimpleUploadedFile(more.pop("name", "products.csv"), body), **more}
    return client.post(path, form, format="multipart", headers=headers)


def job_of(response: Any) -> BulkUploadJob:
    """Return the job that a request started."""
    assert response.status_code == 202, response.content
    job: BulkUploadJob = BulkUploadJob.objects.get(pk=response.json()["id"])
    return job
