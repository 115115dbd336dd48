from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bulkupload", "0005_index_by_age"),
    ]

    operations = [
        migrations.AddField(
            model_name="bulkuploadjob",
            name="encoding",
            field=models.CharField(blank=True, db_default="", max_length=16),
        ),
        migrations.AlterField(
            model_name="bulkuploadchunk",
            name="repeated",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
