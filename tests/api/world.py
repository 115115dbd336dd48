"""Sample data for the API tests: an organization with one object and one user of each kind."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organization, Role, User
from accounts.tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    token_of,
)
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadRowError,
    JobStatus,
    PhotoBatch,
    PhotoFile,
    PhotoStatus,
)
from bulkupload.rules.table.dialects import Dialect
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from exports.models import (
    ExportConfiguration,
    ExportItem,
    ExportRun,
    ItemStatus,
    MetadataAdapterVisibility,
    RunStatus,
)
from media.models import Attachment, MediaResource, ResourceStatus, ResourceType, Upload

PRINCIPALS: Final = (
    "anonymous",
    "disabled",
    "plain",
    "member",
    "admin",
    "owner",
    "stranger",  # an admin of another organization
    "superuser",
)


@dataclass(frozen=True, kw_only=True)
class World:
    """The ids of the sample objects for use in requests, and a token for each user."""

    organization: Organization
    people: dict[str, User]
    tokens: dict[str, str]
    ids: dict[str, UUID]

    def client(self, principal: str) -> APIClient:
        """Return a client that calls as the principal."""
        client = APIClient(raise_request_exception=False)
        if principal in self.tokens:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.tokens[principal]}")
        return client


def _people(organization: Organization, other: Organization) -> dict[str, User]:
    return {
        "disabled": UserFactory.create(),
        "plain": UserFactory.create(),
        "member": _member(organization, Role.MEMBER),
        "admin": _member(organization, Role.ADMIN),
        "owner": _member(organization, Role.OWNER),
        "stranger": _member(other, Role.ADMIN),
        "superuser": UserFactory.create(superuser=True),
    }


def build() -> World:
    """Store the users of every kind and one object of each kind."""
    organization, other = OrganizationFactory.create(), OrganizationFactory.create()
    people = _people(organization, other)
    tokens = {name: token_of(user) for name, user in people.items()}
    _disable(people["disabled"])
    colleague = _member(organization, Role.MEMBER)
    newcomer = UserFactory.create()
    owner_fields: dict[str, Any] = {"user": people["owner"], "organization": organization}
    product = Product.objects.create(name="Shoe", sku="S-1", brand="Us", **owner_fields)
    look = Look.objects.create(name="Summer", **owner_fields)
    look.products.add(product)
    request = ProductionRequest.objects.create(name="Run", **owner_fields)
    request.looks.add(look)
    resource = _resource(owner_fields)
    Attachment.objects.create(
        resource=resource, entity_type="PRODUCT", entity_id=product.pk, slot="cover_image"
    )
    return World(
        organization=organization,
        people=people,
        tokens=tokens,
        ids={
            "organization": organization.pk,
            "colleague": colleague.pk,
            "newcomer": newcomer.pk,
            "plain": people["plain"].pk,
            "product": product.pk,
            "subject": Subject.objects.create(name="Ada", slug="ada", **owner_fields).pk,
            "look": look.pk,
            "guideline": Guideline.objects.create(name="White", **owner_fields).pk,
            "request": request.pk,
            "resource": resource.pk,
            "upload": _upload(owner_fields).pk,
            "configuration": ExportConfiguration.objects.create(**owner_fields).pk,
            **_personal_configurations(people | {"colleague": colleague, "newcomer": newcomer}),
            "visibility": MetadataAdapterVisibility.objects.create(code="ovs").pk,
            "job": _job(owner_fields).pk,
            **_photo_batch(owner_fields, product),
            "run": _run(owner_fields, RunStatus.COMPLETED_WITH_ERRORS).pk,
            "running": _run(owner_fields, RunStatus.RUNNING).pk,
            "expired": _run(owner_fields, RunStatus.EXPIRED).pk,
            "missing": uuid4(),
        },
    )


def _personal_configurations(people: dict[str, User]) -> dict[str, UUID]:
    """Store a personal configuration for some of the users; the others have none."""
    return {
        f"configuration_of_{name}": ExportConfiguration.objects.create(user=people[name]).pk
        for name in ("plain", "superuser", "colleague", "newcomer")
    }


def _disable(user: User) -> None:
    user.is_active = False
    user.save()


def _member(organization: Organization, role: Role) -> User:
    user: User = MembershipFactory.create(organization=organization, role=role).user
    return user


def _resource(owner_fields: dict[str, Any]) -> MediaResource:
    return MediaResource.objects.create(
        **owner_fields,
        resource_type=ResourceType.IMAGE,
        storage_key="media/one/file.webp",
        content_hash="a" * 64,
        etag="b" * 32,
        content_type="image/webp",
        extension="webp",
        file_size=100,
        status=ResourceStatus.READY,
    )


def _upload(owner_fields: dict[str, Any]) -> Upload:
    """Store an upload that no entity uses yet."""
    upload: Upload = Upload.objects.create(
        **owner_fields,
        key="temp/one_1700000000_a.webp",
        filename="a.webp",
        content_type="image/webp",
        expires_at=timezone.now(),
    )
    return upload


def _job(owner_fields: dict[str, Any]) -> BulkUploadJob:
    """Store a finished bulk upload with one refused row."""
    now = timezone.now()
    job: BulkUploadJob = BulkUploadJob.objects.create(
        **owner_fields,
        status=JobStatus.COMPLETED_WITH_ERRORS,
        filename="products.csv",
        source_key="bulk/one/products.csv",
        source_size=20,
        dialect=Dialect().as_dict(),
        columns=[{"name": name, "field": name, "suggestion": None} for name in ("sku", "name")],
        total_rows=1,
        started_at=now,
        planned_at=now,
        finished_at=now,
    )
    BulkUploadRowError.objects.create(
        job=job,
        row=1,
        position=0,
        line=2,
        column="name",
        code="missing",
        message="Every row needs a name. Fill this cell.",
        cells='["S-1", ""]',
    )
    return job


def _photo_batch(owner_fields: dict[str, Any], product: Product) -> dict[str, UUID]:
    """Store a batch of one photo that has failed and waits for a decision."""
    batch = PhotoBatch.objects.create(**owner_fields, name="Day 1", last_arrival_at=timezone.now())
    photo = PhotoFile.objects.create(
        batch=batch,
        path="S-1_front.webp",
        content_type="image/webp",
        file_size=100,
        status=PhotoStatus.FAILED,
        failure_code="product_deleted",
        failure_message="The product was deleted. Choose another product.",
        product_id=product.pk,
        sku="S-1",
        slot="cover_image",
        matched_by="sku",
    )
    return {"batch": batch.pk, "photo": photo.pk}


def _run(owner_fields: dict[str, Any], status: RunStatus) -> ExportRun:
    """Store an export of one file; the file has failed unless the export is still running."""
    now = timezone.now()
    has_ended = status != RunStatus.RUNNING
    run: ExportRun = ExportRun.objects.create(
        **owner_fields,
        status=status,
        title="Shoot 12",
        configuration_name="System default",
        metadata_adapter="default",
        image_format="WEBP",
        template="{index}",
        total=1,
        archive_key="exports/one/archive-1.zip" if has_ended else "",
        archive_size=22 if has_ended else None,
        archive_sha256="c" * 64 if has_ended else "",
        started_at=now,
        finished_at=now if has_ended else None,
        expires_at=now if has_ended else None,
    )
    ExportItem.objects.create(
        run=run,
        position=1,
        resource_id=uuid4(),
        name="1.webp",
        values={"index": 1},
        status=ItemStatus.FAILED if has_ended else ItemStatus.WAITING,
        failure_code="resource_deleted" if has_ended else "",
        failure_message="The file was deleted." if has_ended else "",
    )
    return run
