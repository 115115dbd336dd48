"""A consistent state of the product, in which a test breaks one promise."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.tests.factories import OrganizationFactory, UserFactory
from bulkupload.models import BulkUploadChunk, BulkUploadJob, BulkUploadRowError
from catalog.models import Product
from chaos.checker.bucket import StoredObject
from chaos.checker.checker import Checker
from chaos.checker.violations import Problem, Violation
from chaos.ledger import ExpectedImport, ExpectedProduct, Ledger
from media.models import Attachment, MediaResource, Upload
from sartiq.core.models import new_id

BODY = b"a photo"
DIGEST = sha256(BODY).hexdigest()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class BucketInMemory:
    """A bucket whose objects a test can change."""

    objects: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)

    def listing(self) -> dict[str, StoredObject]:
        return {
            key: StoredObject(len(body), self.modified.get(key, LONG_AGO))
            for key, body in self.objects.items()
        }

    def sha256(self, key: str) -> str:
        return sha256(self.objects[key]).hexdigest()


@dataclass
class State:
    """Rows, objects and promises that agree; `ids` are for use in SQL."""

    public: BucketInMemory
    private: BucketInMemory
    ledger: Ledger
    ids: dict[str, str]

    @property
    def checker(self) -> Checker:
        assert connection.connection is not None
        return Checker(connection.connection, public=self.public, private=self.private)

    def violations(self) -> list[Violation]:
        return self.checker.violations(self.ledger)

    def texts(self, problem: Problem) -> list[str]:
        return [item.text for item in self.violations() if item.problem is problem]

    def execute(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(sql.format(**self.ids))


def new_owner() -> dict[str, Any]:
    return {"user": UserFactory.create(), "organization": OrganizationFactory.create()}


def ready_photo(owner_fields: dict[str, Any]) -> MediaResource:
    pk = new_id()
    row: MediaResource = MediaResource.objects.create(
        **owner_fields,
        id=pk,
        resource_type="IMAGE",
        storage_key=f"media/{pk}/file.jpg",
        content_hash=DIGEST,
        etag="etag",
        content_type="image/jpeg",
        extension="jpg",
        file_size=len(BODY),
        has_thumbnail=True,
        status="READY",
        ready_at=timezone.now(),
    )
    return row


def used_upload(owner_fields: dict[str, Any], photo: MediaResource) -> Upload:
    row: Upload = Upload.objects.create(
        **owner_fields,
        key=f"temp/{new_id()}_1767225600_photo.jpg",
        filename="photo.jpg",
        content_type="image/jpeg",
        expires_at=timezone.now() + timedelta(hours=1),
        state="CONSUMED",
        resource=photo,
    )
    return row


def finished_import(owner_fields: dict[str, Any]) -> BulkUploadJob:
    now, pk = timezone.now(), new_id()
    job: BulkUploadJob = BulkUploadJob.objects.create(
        **owner_fields,
        id=pk,
        status="COMPLETED_WITH_ERRORS",
        filename="table.csv",
        source_key=f"bulk/{pk}/table.csv",
        source_size=10,
        source_etag="etag",
        total_rows=2,
        planned_at=now,
        finished_at=now,
    )
    BulkUploadChunk.objects.create(
        job=job,
        number=0,
        start=0,
        length=10,
        first_line=2,
        first_row=1,
        rows=2,
        created=1,
        failed=1,
        status="DONE",
    )
    BulkUploadRowError.objects.create(job=job, row=2, position=0, line=3, code="c", message="m")
    return job


def ledger_of(product: Product, job: BulkUploadJob) -> Ledger:
    expected_product = ExpectedProduct(
        str(product.pk), product.name, {("cover_image", None): DIGEST}
    )
    expected_import = ExpectedImport(
        str(job.pk), job.filename, {"SKU-1": "Imported"}, {}, refused_rows=1
    )
    return Ledger(uploads=1, products=[expected_product], imports=[expected_import])


@pytest.fixture
def state(db: None) -> State:
    """A product with a photo and a finished import, as they should be."""
    owner_fields = new_owner()
    photo = ready_photo(owner_fields)
    upload = used_upload(owner_fields, photo)
    product = Product.objects.create(**owner_fields, name="Created")
    Product.objects.create(**owner_fields, name="Imported", sku="SKU-1")
    Attachment.objects.create(
        resource=photo, entity_type="PRODUCT", entity_id=product.pk, slot="cover_image"
    )
    job = finished_import(owner_fields)
    thumbnail = f"media/{photo.pk}/thumb.webp"
    return State(
        public=BucketInMemory(
            {photo.storage_key: BODY, thumbnail: b"t", ".sartiq-environment": b""}
        ),
        private=BucketInMemory({job.source_key: b"sku,name", ".sartiq-environment": b""}),
        ledger=ledger_of(product, job),
        ids={
            "photo": str(photo.pk),
            "photo_key": photo.storage_key,
            "thumbnail_key": thumbnail,
            "upload_key": upload.key,
            "product": str(product.pk),
            "job": str(job.pk),
            "new": str(new_id()),
        },
    )
