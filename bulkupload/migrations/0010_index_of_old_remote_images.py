from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bulkupload", "0009_image_labels"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="remoteimage",
            index=models.Index(fields=["updated_at"], name="bulk_remote_updated"),
        ),
    ]
