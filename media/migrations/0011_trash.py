from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media", "0010_index_of_failed_deletions")]

    operations = [
        migrations.AddField(
            model_name="mediaresource",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="attachment",
            name="entity_deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
