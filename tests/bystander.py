"""Rows of an organization that a test is not about, and a check that nothing changed them.

A service that forgets a condition of its query works as long as a test has one row, one job and
one tenant. The bystander has a row of each kind and in each state that a forgotten condition would
change: waiting rows that a worker holds, a deletion that staff have to decide about, files whose
grace period is running, an unfinished request.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Model
from django.utils import timezone

from accounts.models import Membership, Organization, Role, User
from bulkupload.models import (
    BatchStatus,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    PhotoBatch,
    PhotoBatchStatus,
    PhotoFile,
    PhotoStatus,
    RemoteImage,
)
from bulkupload.rules.table.dialects import Dialect
from catalog.models import Look, Product, Subject
from exports.models import ExportConfiguration, ExportItem, ExportRun, ItemStatus, RunStatus
from media.models import (
    Attachment,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.rules import keys
from sartiq.core.models import IdempotencyKey, new_id

Rows = dict[tuple[type[Model], Any], dict[str, Any]]


class Bystander:
    """The rows of another organization, as they were."""

    def __init__(self) -> None:
        self.rows: list[Model] = []
        now = timezone.now()
        self._in_two_hours = now + timedelta(hours=2)
        self._lease_fields = {
            "lease_holder": uuid4(),
            "lease_expires_at": self._in_two_hours,
            "lease_fence": 1,
            "attempts": 1,
            "sent_at": now,
        }
        user = self._add(User(email=f"{new_id()}@bystander.example", full_name="Bystander"))
        organization = self._add(Organization(name="Bystanders", slug=f"bystanders-{new_id()}"))
        self._add(Membership(user=user, organization=organization, role=Role.OWNER))
        self._owner_fields = {"user": user, "organization": organization}
        self._add_entities()
        self._add_media()
        self._add_import()
        self._add_photos()
        self._add_exports()
        self._before = self._read()

    def require_unchanged(self) -> None:
        """Fail if a row was changed or deleted."""
        assert self._read() == self._before

    def _read(self) -> Rows:
        rows: Rows = {}
        for model in {type(row) for row in self.rows}:
            pks = [row.pk for row in self.rows if type(row) is model]
            for values in model._default_manager.filter(pk__in=pks).values():
                rows[model, values[model._meta.pk.attname]] = values
        return rows

    def _add(self, row: Any) -> Any:
        row.save(force_insert=True)
        self.rows.append(row)
        return row

    def _add_entities(self) -> None:
        self._product = self._add(
            Product(name="Shoe", sku="A", brand="Other", **self._owner_fields)
        )
        self._add(Look(name="Summer", **self._owner_fields))
        self._add(Subject(name="Ada", slug="ada", **self._owner_fields))
        self._add(
            IdempotencyKey(
                user_id=self._owner_fields["user"].pk,
                route="create_product",
                key="k-1",
                body_hash="0" * 64,
                locked_until=self._in_two_hours,
            )
        )

    def _add_media(self) -> None:
        attached_resource = self._resource()
        self._add(
            Attachment(
                resource=attached_resource,
                entity_type="PRODUCT",
                entity_id=self._product.pk,
                slot="cover_image",
            )
        )
        hour_ago = timezone.now() - timedelta(hours=1)
        self._resource(unattached_at=hour_ago)
        self._resource(status=ResourceStatus.FAILED, failure_code="decode_limit")
        pending_resource = self._resource(status=ResourceStatus.PENDING, **self._lease_fields)
        self._upload(state=UploadState.CLAIMED, resource=pending_resource)
        self._upload()
        for values in ({"dead": True, "attempts": 8}, self._lease_fields):
            key = keys.canonical_key(new_id(), "png")
            self._add(ObjectDeletion(key=key, reason=DeletionReason.ORPHANED, **values))

    def _resource(self, **values: Any) -> MediaResource:
        pk = new_id()
        fields: dict[str, Any] = {
            "resource_type": "IMAGE",
            "storage_key": keys.canonical_key(pk, "png"),
            "content_hash": f"{pk.int:064x}",
            "etag": "e",
            "content_type": "image/png",
            "extension": "png",
            "file_size": 100,
            "status": ResourceStatus.READY,
            "has_thumbnail": True,
        }
        row: MediaResource = self._add(
            MediaResource(id=pk, **self._owner_fields, **fields | values)
        )
        return row

    def _upload(self, **values: Any) -> None:
        key = keys.temp_key(
            file_id=new_id(), at=timezone.now(), filename="shoe.png", content_type="image/png"
        )
        fields = {
            "filename": "shoe.png",
            "content_type": "image/png",
            "expires_at": self._in_two_hours,
        }
        self._add(Upload(key=key, **self._owner_fields, **fields, **values))

    def _add_import(self) -> None:
        now = timezone.now()
        job = self._add(
            BulkUploadJob(
                **self._owner_fields,
                status=JobStatus.RUNNING,
                filename="products.csv",
                source_key=f"bulk/{new_id()}/products.csv",
                source_size=20,
                dialect=Dialect().as_dict(),
                columns=[],
                total_rows=1,
                started_at=now,
                planned_at=now,
            )
        )
        chunk = self._add(
            BulkUploadChunk(
                job=job,
                number=1,
                start=0,
                length=20,
                first_line=2,
                first_row=1,
                rows=1,
                **self._lease_fields,
            )
        )
        self._add_images(job, chunk)

    def _add_images(self, job: BulkUploadJob, chunk: BulkUploadChunk) -> None:
        resource = self._resource(status=ResourceStatus.PENDING, **self._lease_fields)
        fields: dict[str, Any] = {"job": job, "chunk": chunk, "pending": 1}
        waiting_batch = self._add(BulkUploadMediaBatch(**fields, **self._lease_fields))
        attached_batch = self._add(BulkUploadMediaBatch(**fields, status=BatchStatus.DONE))
        self._add_image(waiting_batch, "cover_image", status=MediaStatus.PENDING)
        self._add_image(
            attached_batch, "back_image", status=MediaStatus.ATTACHED, resources=[str(resource.pk)]
        )
        waiting_batch.remotes.add(
            self._add(
                RemoteImage(
                    **self._owner_fields,
                    url="https://elsewhere.example/1.png",
                    url_hash="0" * 64,
                    **self._lease_fields,
                )
            )
        )

    def _add_image(self, batch: BulkUploadMediaBatch, slot: str, **values: Any) -> None:
        self._add(
            BulkUploadMedia(
                job_id=batch.job_id,
                batch=batch,
                product_id=self._product.pk,
                slot=slot,
                row=1,
                line=2,
                column=slot,
                urls=["https://elsewhere.example/1.png"],
                pending=1,
                **values,
            )
        )

    def _add_photos(self) -> None:
        running = PhotoBatchStatus.RUNNING
        batch = self._add(
            PhotoBatch(**self._owner_fields, status=running, last_arrival_at=timezone.now())
        )
        photo_fields = {
            "batch": batch,
            "content_type": "image/png",
            "file_size": 100,
            "product_id": self._product.pk,
            "slot": "images",
            "upload_id": new_id(),
        }
        uploaded = PhotoStatus.UPLOADED
        self._add(PhotoFile(path="A_1.png", status=uploaded, **photo_fields, **self._lease_fields))
        self._add(PhotoFile(path="A_2.png", **photo_fields, checked_at=self._in_two_hours))

    def _add_exports(self) -> None:
        self._add(ExportConfiguration(name="Theirs", **self._owner_fields))
        for status in (RunStatus.RUNNING, RunStatus.COMPLETED):
            is_done = status == RunStatus.COMPLETED
            run = self._add(
                ExportRun(
                    **self._owner_fields,
                    status=status,
                    title="Shoot 1",
                    configuration_name="Theirs",
                    metadata_adapter="default",
                    image_format="WEBP",
                    template="{index}",
                    total=1,
                    archive_key=f"exports/{new_id()}/archive-1.zip" if is_done else "",
                    archive_size=22 if is_done else None,
                    archive_sha256="c" * 64 if is_done else "",
                    started_at=timezone.now(),
                    finished_at=timezone.now() if is_done else None,
                    expires_at=self._in_two_hours if is_done else None,
                )
            )
            item_fields: dict[str, Any] = {"status": ItemStatus.WAITING, **self._lease_fields}
            if is_done:
                item_fields = {
                    "status": ItemStatus.DONE,
                    "result_key": f"exports/{new_id()}/1.webp",
                    "result_size": 4,
                    "result_sha256": "d" * 64,
                }
            self._add(
                ExportItem(run=run, position=1, resource_id=uuid4(), name="1.webp", **item_fields)
            )
