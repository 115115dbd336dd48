"""One row of each model, linked to each other, with a given text in every text field."""

from datetime import UTC, datetime
from itertools import count

from axes.models import AccessAttempt
from django.db.models import Model

from accounts.models import Membership, Organization, User
from accounts.tests.factories import UserFactory
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    ChunkStatus,
    JobStatus,
    MediaStatus,
    PhotoBatch,
    PhotoFile,
    PhotoStatus,
    RemoteImage,
    RemoteStatus,
    SlotWord,
)
from catalog.models import Guideline, Look, LoraModel, Product, ProductionRequest, Subject
from exports.models import (
    ExportConfiguration,
    ExportItem,
    ExportRun,
    ItemStatus,
    MetadataAdapterVisibility,
    RunStatus,
)
from media.tests.admin import rows
from sartiq.core.models import ActorKind, Event, IdempotencyKey, new_id

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_numbers = count(1)


def create(text: str) -> list[Model]:
    """Create the rows; names that must be unique get a number."""
    number = next(_numbers)
    user = UserFactory.create(full_name=text)
    organization = Organization.objects.create(name=text, slug=f"studio-x-{number}")
    rows: list[Model] = [
        user,
        organization,
        Membership.objects.create(user=user, organization=organization),
        *_entities(user, organization, text, number),
        IdempotencyKey.objects.create(
            user_id=user.pk,
            route=text,
            key=text,
            body_hash="0" * 64,
            locked_until=NOW,
            location=text,
            answer={text: text},
        ),
        Event.objects.create(
            action=text[:64],
            object_type="product",
            object_id=new_id(),
            user_id=user.pk,
            actor_kind=ActorKind.STAFF,
            actor_id=user.pk,
            source=text,
            source_id=text[:64],
            details={text: text},
        ),
        AccessAttempt.objects.create(
            username=text,
            user_agent=text,
            path_info=text,
            ip_address=f"127.0.0.{number}",
            failures_since_start=1,
            get_data=text,
            post_data=text,
            http_accept=text,
        ),
    ]
    rows += _export(user, organization, text)
    product = next(row for row in rows if isinstance(row, Product))
    rows += [*_bulk(user, organization, text, product), *_photos(user, organization, text, number)]
    return rows + _media(user, organization, text, product)


def _entities(user: User, organization: Organization, text: str, number: int) -> list[Model]:
    owner = {"user": user, "organization": organization, "name": text}
    product = Product.objects.create(
        **owner,
        sku=f"{number}{text}",
        brand=text,
        description=text,
        gender=text[:50],
        materials=text,
        color=text,
    )
    configuration = ExportConfiguration.objects.create(
        **owner, naming_convention_template=f"{number} {{brand}}"
    )
    visibility = MetadataAdapterVisibility.objects.create(code=f"{number}{text}"[:32])
    visibility.organizations.add(organization)
    subject = Subject.objects.create(**owner, slug=f"subject-{number}", lora_trigger=text)
    with_configuration = {"export_configuration": configuration}
    look = Look.objects.create(**owner, **with_configuration, subject=subject)
    look.products.add(product)
    guideline = Guideline.objects.create(**owner, **with_configuration)
    production_request = ProductionRequest.objects.create(
        **owner, **with_configuration, guideline=guideline
    )
    production_request.looks.add(look)
    pk = new_id()
    model = LoraModel.objects.create(
        id=pk,
        subject=subject,
        trigger=text,
        entity_type=text[:64],
        file_path=f"loras/{pk}/a.safetensors",
        filename=text,
        file_size=1,
        sha256="0" * 64,
        verdict="CLEAN",
        verdict_details=text,
        upload_timestamp=NOW,
        uploaded_by=user,
    )
    return [product, subject, look, guideline, production_request, model, configuration, visibility]


def _media(user: User, organization: Organization, text: str, product: Product) -> list[Model]:
    resource = rows.resource(
        user,
        organization=organization,
        alt_text=text,
        caption=text,
        color_profile=text,
    )
    failed = rows.resource(
        user,
        organization=organization,
        status="FAILED",
        failure_code=text[:64],
        caption=text,
    )
    report = rows.reconcile_report(cursor=text)
    return [
        resource,
        failed,
        report,
        rows.unknown_object(report, etag=text[:64]),
        rows.attachment(resource, product),
        rows.attachment(resource, product, slot="images", position=0),
        rows.upload(
            user,
            organization=organization,
            filename=text,
            folder=text,
            refusal=text[:64],
            resource=resource,
        ),
        rows.deletion(last_error=text, dead=True),
    ]


def _job(user: User, organization: Organization, text: str) -> BulkUploadJob:
    return BulkUploadJob.objects.create(
        user=user,
        organization=organization,
        status=JobStatus.COMPLETED_WITH_ERRORS,
        filename=text,
        source_key=f"bulk/{text}",
        source_size=1,
        columns=[{"name": text, "field": "sku", "suggestion": None}],
        mapping={text: "sku"},
        total_rows=1,
        started_at=NOW,
        finished_at=NOW,
        failure_message=text,
    )


def _bulk(user: User, organization: Organization, text: str, product: Product) -> list[Model]:
    job = _job(user, organization, text)
    chunk = BulkUploadChunk.objects.create(
        job=job,
        number=0,
        start=0,
        length=1,
        first_line=2,
        first_row=1,
        rows=1,
        failed=1,
        repeated=[text],
        status=ChunkStatus.DONE,
    )
    error = BulkUploadRowError.objects.create(
        job=job, row=1, position=0, line=2, column=text, value=text, code="missing", message=text
    )
    remote = RemoteImage.objects.create(
        user=user,
        organization=organization,
        url=text,
        url_hash="0" * 64,
        status=RemoteStatus.FAILED,
        failure_code=text[:64],
        failure_message=text,
    )
    batch = BulkUploadMediaBatch.objects.create(job=job, chunk=chunk, failed=1)
    batch.remotes.add(remote)
    media = BulkUploadMedia.objects.create(
        job=job,
        batch=batch,
        product_id=product.pk,
        slot="images",
        row=1,
        line=2,
        column=text,
        cells=text,
        urls=[text],
        status=MediaStatus.FAILED,
        failed=1,
    )
    return [job, chunk, error, remote, batch, media]


def _photos(user: User, organization: Organization, text: str, number: int) -> list[Model]:
    batch = PhotoBatch.objects.create(
        user=user, organization=organization, name=text, template=text[:200], last_arrival_at=NOW
    )
    photo = PhotoFile.objects.create(
        batch=batch,
        path=text,
        content_type="image/png",
        file_size=1,
        status=PhotoStatus.FAILED,
        sku=text[:100],
        candidates=[{"product_id": text, "sku": text}],
        failure_code=text[:64],
        failure_message=text,
    )
    word = SlotWord.objects.create(
        organization=organization, word=f"{number}{text}"[:50], slot="images"
    )
    return [batch, photo, word]


def _export(user: User, organization: Organization, text: str) -> list[Model]:
    run = ExportRun.objects.create(
        user=user,
        organization=organization,
        title=text,
        status=RunStatus.FAILED,
        configuration_name=text,
        metadata_adapter=text[:32],
        image_format="WEBP",
        template=text,
        total=1,
        failure_code=text[:64],
        failure_message=text,
        finished_at=NOW,
    )
    item = ExportItem.objects.create(
        run=run,
        position=1,
        resource_id=new_id(),
        name=text,
        values={"brand": text},
        status=ItemStatus.FAILED,
        failure_code=text[:64],
        failure_message=text,
    )
    return [run, item]
