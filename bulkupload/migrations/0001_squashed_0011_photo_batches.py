import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import sartiq.core.models


class Migration(migrations.Migration):
    replaces = [
        ("bulkupload", "0001_bulk_upload_jobs"),
        ("bulkupload", "0002_images_of_rows"),
        ("bulkupload", "0003_indexes_by_owner"),
        ("bulkupload", "0004_last_good_picture_wins"),
        ("bulkupload", "0005_index_by_age"),
        ("bulkupload", "0006_encodings_and_repeated_lines"),
        ("bulkupload", "0007_outages"),
        ("bulkupload", "0008_index_of_excel_damage"),
        ("bulkupload", "0009_image_labels"),
        ("bulkupload", "0010_index_of_old_remote_images"),
        ("bulkupload", "0011_photo_batches"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("media", "0013_empty_trash_before_reversal"),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkUploadJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("QUEUED", "Queued"),
                            ("RUNNING", "Running"),
                            ("COMPLETED", "Completed"),
                            ("COMPLETED_WITH_ERRORS", "Completed with errors"),
                            ("FAILED", "Failed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="QUEUED",
                        max_length=32,
                    ),
                ),
                ("filename", models.CharField(max_length=255)),
                ("source_key", models.CharField(max_length=500)),
                ("source_size", models.PositiveBigIntegerField()),
                ("source_etag", models.CharField(max_length=128)),
                ("rows_key", models.CharField(blank=True, max_length=500)),
                ("rows_etag", models.CharField(blank=True, max_length=128)),
                ("dry_run", models.BooleanField(default=False)),
                ("mapping", models.JSONField(blank=True, default=dict)),
                ("encoding", models.CharField(blank=True, db_default="", max_length=16)),
                ("dialect", models.JSONField(blank=True, default=dict)),
                ("columns", models.JSONField(blank=True, default=list)),
                ("sku_width", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("total_rows", models.PositiveIntegerField(default=0)),
                ("planned_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                ("failure_message", models.TextField(blank=True)),
                ("failure_line", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "retry_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="retries",
                        to="bulkupload.bulkuploadjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "bulk upload",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["organization", "created_at", "id"], name="bulk_job_of_org"
                    ),
                    models.Index(
                        condition=models.Q(("organization__isnull", True)),
                        fields=["user", "created_at", "id"],
                        name="bulk_job_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("QUEUED", "RUNNING"))),
                        fields=["created_at"],
                        name="bulk_job_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("finished_at__isnull", False)),
                        fields=["finished_at"],
                        name="bulk_job_finished",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "QUEUED",
                                    "RUNNING",
                                    "COMPLETED",
                                    "COMPLETED_WITH_ERRORS",
                                    "FAILED",
                                    "CANCELLED",
                                ],
                            )
                        ),
                        name="bulk_job_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True), ("status__in", ("QUEUED", "RUNNING"))
                            ),
                            models.Q(
                                models.Q(("status__in", ("QUEUED", "RUNNING")), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="bulk_job_ends_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkUploadChunk",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="bulkupload.bulkuploadjob",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("start", models.PositiveBigIntegerField()),
                ("length", models.PositiveBigIntegerField()),
                ("first_line", models.PositiveIntegerField()),
                ("first_row", models.PositiveIntegerField()),
                ("rows", models.PositiveIntegerField()),
                ("repeated", models.JSONField(blank=True, default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[("WAITING", "Waiting"), ("DONE", "Done")],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                ("created", models.PositiveIntegerField(default=0)),
                ("updated", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                ("images_refused", models.PositiveIntegerField(db_default=0, default=0)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "bulk upload chunk",
                "ordering": ["job", "number"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "WAITING")),
                        fields=["created_at"],
                        name="bulk_chunk_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("job", "number"), name="bulk_chunk_once_per_job"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["WAITING", "DONE"])),
                        name="bulk_chunk_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status", "WAITING"),
                            (
                                "rows",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("created"), "+", models.F("updated")
                                        ),
                                        "+",
                                        models.F("unchanged"),
                                    ),
                                    "+",
                                    models.F("failed"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="bulk_chunk_counts_every_row",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkUploadRowError",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="row_errors",
                        to="bulkupload.bulkuploadjob",
                    ),
                ),
                ("row", models.PositiveIntegerField()),
                ("position", models.PositiveSmallIntegerField()),
                ("line", models.PositiveIntegerField()),
                ("column", models.TextField(blank=True)),
                ("value", models.TextField(blank=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[("ERROR", "Error"), ("WARNING", "Warning")],
                        db_default="ERROR",
                        default="ERROR",
                        max_length=8,
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("message", models.TextField()),
                ("cells", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "bulk upload error",
                "ordering": ["job", "row", "position"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("code", "excel_damage")),
                        fields=["value"],
                        name="bulk_error_excel_damage",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("job", "row", "position"), name="bulk_error_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["ERROR", "WARNING"])),
                        name="bulk_error_severity_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PhotoBatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=255)),
                ("template", models.CharField(blank=True, max_length=200)),
                (
                    "on_existing",
                    models.CharField(
                        choices=[("APPEND", "Append"), ("REPLACE", "Replace")],
                        default="APPEND",
                        max_length=8,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("RUNNING", "Running"),
                            ("DONE", "Done"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="OPEN",
                        max_length=16,
                    ),
                ),
                ("last_arrival_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "photo batch",
                "verbose_name_plural": "photo batches",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["organization", "created_at", "id"], name="photo_batch_of_org"
                    ),
                    models.Index(
                        condition=models.Q(("organization__isnull", True)),
                        fields=["user", "created_at", "id"],
                        name="photo_batch_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("OPEN", "RUNNING"))),
                        fields=["last_arrival_at"],
                        name="photo_batch_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("finished_at__isnull", False)),
                        fields=["finished_at"],
                        name="photo_batch_finished",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["OPEN", "RUNNING", "DONE", "CANCELLED"])
                        ),
                        name="photo_batch_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("on_existing__in", ["APPEND", "REPLACE"])),
                        name="photo_batch_mode_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True), ("status__in", ("OPEN", "RUNNING"))
                            ),
                            models.Q(
                                models.Q(("status__in", ("OPEN", "RUNNING")), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="photo_batch_ends_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PhotoFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="bulkupload.photobatch",
                    ),
                ),
                ("path", models.CharField(max_length=500)),
                ("content_type", models.CharField(max_length=100)),
                ("file_size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting for its upload"),
                            ("UPLOADED", "Uploaded"),
                            ("INGESTED", "Waiting for the others of its slot"),
                            ("ATTACHED", "Attached"),
                            ("READY", "Ready"),
                            ("CONFLICT", "Conflict"),
                            ("FAILED", "Failed"),
                            ("SKIPPED", "Skipped"),
                        ],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                ("product_id", models.UUIDField(blank=True, null=True)),
                ("sku", models.CharField(blank=True, max_length=100, verbose_name="SKU")),
                (
                    "slot",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("cover_image", "Cover image"),
                            ("back_image", "Back image"),
                            ("images", "Images"),
                        ],
                        max_length=32,
                    ),
                ),
                ("position", models.PositiveIntegerField(blank=True, null=True)),
                ("matched_by", models.CharField(blank=True, max_length=8)),
                ("candidates", models.JSONField(blank=True, default=list)),
                ("upload_id", models.UUIDField(blank=True, null=True)),
                ("resource_id", models.UUIDField(blank=True, null=True)),
                ("arrived_at", models.DateTimeField(blank=True, null=True)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                ("failure_message", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "photo of a batch",
                "verbose_name_plural": "photos of batches",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["batch", "status"], name="photo_file_by_status"),
                    models.Index(fields=["batch", "product_id", "slot"], name="photo_file_by_slot"),
                    models.Index(
                        condition=models.Q(("status", "UPLOADED")),
                        fields=["sent_at"],
                        name="photo_file_uploaded",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["ATTACHED", "INGESTED"])),
                        fields=["batch"],
                        name="photo_file_unverified",
                    ),
                    models.Index(
                        condition=models.Q(("status", "WAITING"), ("upload_id__isnull", False)),
                        fields=["checked_at"],
                        name="photo_file_unreported",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("batch", "path"), name="photo_file_once_per_batch"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "WAITING",
                                    "UPLOADED",
                                    "INGESTED",
                                    "ATTACHED",
                                    "READY",
                                    "CONFLICT",
                                    "FAILED",
                                    "SKIPPED",
                                ],
                            )
                        ),
                        name="photo_file_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("failure_code__gt", ""), ("status__in", ("CONFLICT", "FAILED"))
                            ),
                            models.Q(
                                models.Q(("status__in", ("CONFLICT", "FAILED")), _negated=True),
                                ("failure_code", ""),
                            ),
                            _connector="OR",
                        ),
                        name="photo_file_failure_has_code",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("product_id__isnull", True), ("slot__gt", ""), _connector="OR"
                        ),
                        name="photo_file_product_has_slot",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RemoteImage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                ("url", models.TextField()),
                ("url_hash", models.CharField(max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting"),
                            ("FETCHED", "Fetched"),
                            ("FAILED", "Failed"),
                        ],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                (
                    "upload",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="media.upload",
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                ("failure_message", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [models.Index(fields=["updated_at"], name="bulk_remote_updated")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["WAITING", "FETCHED", "FAILED"])),
                        name="bulk_remote_status_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("organization__isnull", False)),
                        fields=("organization", "url_hash"),
                        name="bulk_remote_once_per_organization",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("organization__isnull", True)),
                        fields=("user", "url_hash"),
                        name="bulk_remote_once_per_user",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkUploadMediaBatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
                        to="bulkupload.bulkuploadjob",
                    ),
                ),
                (
                    "chunk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
                        to="bulkupload.bulkuploadchunk",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("WAITING", "Waiting"), ("DONE", "Done")],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                ("pending", models.PositiveIntegerField(default=0)),
                ("ready", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                (
                    "remotes",
                    models.ManyToManyField(
                        blank=True, related_name="batches", to="bulkupload.remoteimage"
                    ),
                ),
            ],
            options={
                "verbose_name": "bulk upload image batch",
                "verbose_name_plural": "bulk upload image batches",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "WAITING")),
                        fields=["created_at"],
                        name="bulk_batch_waiting",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("status", "WAITING"), ("pending__gt", 0), _connector="OR"
                        ),
                        fields=["job"],
                        name="bulk_batch_unsettled",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["WAITING", "DONE"])),
                        name="bulk_batch_status_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkUploadMedia",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="media",
                        to="bulkupload.bulkuploadjob",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="media",
                        to="bulkupload.bulkuploadmediabatch",
                    ),
                ),
                ("product_id", models.UUIDField()),
                ("slot", models.CharField(max_length=32)),
                ("row", models.PositiveIntegerField()),
                ("line", models.PositiveIntegerField()),
                ("column", models.TextField()),
                ("cells", models.TextField(blank=True)),
                ("urls", models.JSONField(blank=True, default=list)),
                ("resources", models.JSONField(blank=True, default=list)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("PENDING", "Pending"),
                            ("SHOWN", "Attached"),
                            ("READY", "Ready"),
                            ("FAILED", "Failed"),
                            ("REPLACED", "Replaced"),
                        ],
                        default="PENDING",
                        max_length=8,
                    ),
                ),
                ("pending", models.PositiveIntegerField(default=0)),
                ("ready", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name": "bulk upload image",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "PENDING")),
                        fields=["product_id", "slot"],
                        name="bulk_media_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("status", "SHOWN")),
                        fields=["job"],
                        name="bulk_media_shown",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["PENDING", "SHOWN", "READY", "FAILED", "REPLACED"])
                        ),
                        name="bulk_media_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["PENDING", "SHOWN"]), ("pending", 0), _connector="OR"
                        ),
                        name="bulk_media_ends_settled",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "REPLACED"), _negated=True),
                            models.Q(("failed", 0), ("ready", 0)),
                            _connector="OR",
                        ),
                        name="bulk_media_replaced_counts_nothing",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SlotWord",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "word",
                    models.CharField(
                        help_text="In lower case, without spaces: for example detail, or 2",
                        max_length=50,
                    ),
                ),
                (
                    "slot",
                    models.CharField(
                        choices=[
                            ("cover_image", "Cover image"),
                            ("back_image", "Back image"),
                            ("images", "Images"),
                        ],
                        max_length=32,
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "word"),
                        name="photo_slot_word_once_per_organization",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slot__in", ["cover_image", "back_image", "images"])),
                        name="photo_slot_word_slot_known",
                    ),
                ],
            },
        ),
    ]
