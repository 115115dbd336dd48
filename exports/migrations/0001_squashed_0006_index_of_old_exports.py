import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import sartiq.core.models


class Migration(migrations.Migration):
    replaces = [
        ("exports", "0001_initial"),
        ("exports", "0002_export_runs"),
        ("exports", "0003_indexes_by_owner"),
        ("exports", "0004_crc_of_exported_files"),
        ("exports", "0005_outages"),
        ("exports", "0006_index_of_old_exports"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExportConfiguration",
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
                ("name", models.CharField(default="Default", max_length=255)),
                ("metadata_adapter", models.CharField(default="default", max_length=32)),
                (
                    "image_format",
                    models.CharField(
                        choices=[
                            ("WEBP", "WebP"),
                            ("JPEG", "JPEG"),
                            ("PNG", "PNG"),
                            ("AVIF", "AVIF"),
                            ("ORIGINAL", "Original"),
                        ],
                        default="WEBP",
                        max_length=16,
                    ),
                ),
                (
                    "naming_convention_template",
                    models.CharField(blank=True, max_length=200, null=True),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["organization", "created_at", "id"], name="exportconfig_of_org"
                    ),
                    models.Index(
                        condition=models.Q(("organization__isnull", True)),
                        fields=["user", "created_at", "id"],
                        name="exportconfig_of_user",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("image_format__in", ["WEBP", "JPEG", "PNG", "AVIF", "ORIGINAL"])
                        ),
                        name="exportconfig_format_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("naming_convention_template", ""), _negated=True),
                        name="exportconfig_template_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportRun",
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
                            ("EXPIRED", "Expired"),
                        ],
                        default="QUEUED",
                        max_length=32,
                    ),
                ),
                ("title", models.CharField(max_length=255)),
                ("configuration_id", models.UUIDField(blank=True, null=True)),
                ("configuration_name", models.CharField(max_length=255)),
                ("metadata_adapter", models.CharField(max_length=32)),
                (
                    "image_format",
                    models.CharField(
                        choices=[
                            ("WEBP", "WebP"),
                            ("JPEG", "JPEG"),
                            ("PNG", "PNG"),
                            ("AVIF", "AVIF"),
                            ("ORIGINAL", "Original"),
                        ],
                        max_length=16,
                    ),
                ),
                ("template", models.CharField(max_length=200)),
                ("total", models.PositiveIntegerField()),
                ("archive_key", models.CharField(blank=True, max_length=255)),
                ("archive_size", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "archive_sha256",
                    models.CharField(blank=True, max_length=64, verbose_name="archive SHA-256"),
                ),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                ("failure_message", models.TextField(blank=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "export",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["organization", "created_at", "id"], name="export_run_of_org"
                    ),
                    models.Index(
                        condition=models.Q(("organization__isnull", True)),
                        fields=["user", "created_at", "id"],
                        name="export_run_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("QUEUED", "RUNNING"))),
                        fields=["created_at"],
                        name="export_run_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["EXPIRED", "FAILED"])),
                        fields=["finished_at"],
                        name="export_run_old",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("COMPLETED", "COMPLETED_WITH_ERRORS"))),
                        fields=["expires_at"],
                        name="export_run_expires",
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
                                    "EXPIRED",
                                ],
                            )
                        ),
                        name="export_run_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("image_format__in", ["WEBP", "JPEG", "PNG", "AVIF", "ORIGINAL"])
                        ),
                        name="export_run_format_known",
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
                        name="export_run_ends_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ("COMPLETED", "COMPLETED_WITH_ERRORS")),
                                _negated=True,
                            ),
                            models.Q(
                                ("archive_key__gt", ""),
                                ("archive_size__isnull", False),
                                ("expires_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="export_run_has_its_archive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportItem",
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
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="exports.exportrun",
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("resource_id", models.UUIDField()),
                ("name", models.CharField(max_length=255)),
                ("values", models.JSONField(blank=True, default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[("WAITING", "Waiting"), ("DONE", "Done"), ("FAILED", "Failed")],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                ("failure_message", models.TextField(blank=True)),
                ("waits", models.PositiveSmallIntegerField(default=0)),
                ("result_key", models.CharField(blank=True, max_length=255)),
                ("result_size", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "result_sha256",
                    models.CharField(blank=True, max_length=64, verbose_name="SHA-256"),
                ),
                (
                    "result_crc32",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="CRC-32"),
                ),
                (
                    "result_type",
                    models.CharField(blank=True, max_length=100, verbose_name="content type"),
                ),
                ("width", models.PositiveIntegerField(blank=True, null=True)),
                ("height", models.PositiveIntegerField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "exported file",
                "ordering": ["run", "position"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "WAITING")),
                        fields=["run", "position"],
                        name="export_item_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "position"), name="export_item_once_per_run"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["WAITING", "DONE", "FAILED"])),
                        name="export_item_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "DONE"), _negated=True),
                            models.Q(
                                ("result_key__gt", ""),
                                ("result_sha256__gt", ""),
                                ("result_size__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="export_item_done_has_bytes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("failure_code__gt", ""), ("status", "FAILED")),
                            models.Q(
                                models.Q(("status", "FAILED"), _negated=True), ("failure_code", "")
                            ),
                            _connector="OR",
                        ),
                        name="export_item_failure_has_code",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MetadataAdapterVisibility",
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
                ("code", models.CharField(max_length=32, unique=True)),
                ("is_public", models.BooleanField(default=True)),
                (
                    "organizations",
                    models.ManyToManyField(
                        blank=True, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "metadata adapter visibilities",
                "ordering": ["created_at", "id"],
                "abstract": False,
            },
        ),
    ]
