import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import sartiq.core.models


class Migration(migrations.Migration):
    replaces = [
        ("catalog", "0001_initial"),
        ("catalog", "0002_lora_model"),
        ("catalog", "0003_export_configuration"),
        ("catalog", "0004_indexes_by_owner"),
        ("catalog", "0005_report_sku_spellings"),
        ("catalog", "0006_trash"),
        ("catalog", "0007_indexes_of_trash"),
        ("catalog", "0008_empty_trash_before_reversal"),
        ("catalog", "0009_index_of_sku_keys"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("exports", "0006_index_of_old_exports"),
    ]

    operations = [
        migrations.CreateModel(
            name="Guideline",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "export_configuration",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="exports.exportconfiguration",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="guideline_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="guideline_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="guideline_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="guideline_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="guideline_trash_age",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Product",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "sku",
                    models.CharField(blank=True, max_length=100, null=True, verbose_name="SKU"),
                ),
                ("brand", models.CharField(blank=True, max_length=255)),
                ("description", models.TextField(blank=True, max_length=10000)),
                ("gender", models.CharField(blank=True, max_length=50)),
                ("materials", models.CharField(blank=True, max_length=1000)),
                ("color", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="product_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="product_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="product_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="product_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="product_trash_age",
                    ),
                    models.Index(
                        models.F("organization"),
                        models.Func(
                            django.db.models.functions.text.Lower("sku"),
                            models.Value(' -_./\\:*?"<>|'),
                            models.Value(""),
                            function="translate",
                        ),
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", False)
                        ),
                        name="product_sku_key_of_org",
                    ),
                    models.Index(
                        models.F("user"),
                        models.Func(
                            django.db.models.functions.text.Lower("sku"),
                            models.Value(' -_./\\:*?"<>|'),
                            models.Value(""),
                            function="translate",
                        ),
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", True)
                        ),
                        name="product_sku_key_of_user",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", False)
                        ),
                        fields=("organization", "sku"),
                        name="product_sku_once_per_organization",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", True)
                        ),
                        fields=("user", "sku"),
                        name="product_sku_once_per_user",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Subject",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("name", models.CharField(max_length=255)),
                ("slug", models.SlugField(max_length=255)),
                (
                    "type",
                    models.CharField(
                        choices=[("AI", "AI"), ("REAL", "Real")], default="REAL", max_length=8
                    ),
                ),
                ("lora_trigger", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="subject_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="subject_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="subject_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="subject_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="subject_trash_age",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", False)
                        ),
                        fields=("organization", "slug"),
                        name="subject_slug_once_per_organization",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("deleted_at__isnull", True), ("organization__isnull", True)
                        ),
                        fields=("user", "slug"),
                        name="subject_slug_once_per_user",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Look",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "export_configuration",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="exports.exportconfiguration",
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="looks",
                        to="catalog.subject",
                    ),
                ),
                (
                    "products",
                    models.ManyToManyField(blank=True, related_name="looks", to="catalog.product"),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="look_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="look_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="look_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="look_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="look_trash_age",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LoraModel",
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
                    "subject",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="lora_models",
                        to="catalog.subject",
                    ),
                ),
                (
                    "trigger",
                    models.CharField(
                        blank=True,
                        help_text="When given, it becomes the subject's trigger.",
                        max_length=255,
                    ),
                ),
                ("entity_type", models.CharField(blank=True, max_length=64)),
                ("file_path", models.CharField(editable=False, max_length=255, unique=True)),
                ("filename", models.CharField(editable=False, max_length=255)),
                ("file_size", models.PositiveBigIntegerField(editable=False)),
                ("sha256", models.CharField(editable=False, max_length=64, verbose_name="SHA-256")),
                ("tensor_count", models.PositiveIntegerField(editable=False, null=True)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("CLEAN", "Clean"),
                            ("SUSPICIOUS", "Suspicious"),
                            ("DANGEROUS", "Dangerous"),
                            ("UNSCANNED", "Not scanned"),
                        ],
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("verdict_details", models.TextField(blank=True, editable=False)),
                ("upload_timestamp", models.DateTimeField(editable=False)),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "LoRA model",
                "ordering": ["created_at", "id"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("verdict__in", ["CLEAN", "SUSPICIOUS", "DANGEROUS", "UNSCANNED"])
                        ),
                        name="lora_model_verdict_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("file_path__startswith", "loras/")),
                        name="lora_model_has_bytes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductionRequest",
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
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "export_configuration",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="exports.exportconfiguration",
                    ),
                ),
                (
                    "guideline",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="production_requests",
                        to="catalog.guideline",
                    ),
                ),
                (
                    "looks",
                    models.ManyToManyField(
                        blank=True, related_name="production_requests", to="catalog.look"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="productionrequest_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="productionrequest_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="productionrequest_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="productionrequest_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="productionrequest_trash_age",
                    ),
                ],
            },
        ),
    ]
