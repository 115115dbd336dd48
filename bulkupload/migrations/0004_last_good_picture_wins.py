from django.db import migrations, models


class Migration(migrations.Migration):
    """Let rows of one slot wait together; going back needs a moment in which none do."""

    dependencies = [
        ("bulkupload", "0003_indexes_by_owner"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="bulkuploadmedia",
            name="bulk_media_one_waits_per_slot",
        ),
        migrations.AddIndex(
            model_name="bulkuploadmedia",
            index=models.Index(
                condition=models.Q(("status", "PENDING")),
                fields=["product_id", "slot"],
                name="bulk_media_waiting",
            ),
        ),
    ]
