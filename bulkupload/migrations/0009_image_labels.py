from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bulkupload", "0008_index_of_excel_damage"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="bulkuploadmedia",
            options={"ordering": ["created_at", "id"], "verbose_name": "bulk upload image"},
        ),
        migrations.AlterModelOptions(
            name="bulkuploadmediabatch",
            options={
                "ordering": ["created_at", "id"],
                "verbose_name": "bulk upload image batch",
                "verbose_name_plural": "bulk upload image batches",
            },
        ),
        migrations.AlterField(
            model_name="bulkuploadmedia",
            name="status",
            field=models.CharField(
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
    ]
