from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media", "0013_empty_trash_before_reversal")]

    operations = [
        migrations.AddField(
            model_name="mediaresource",
            name="filename",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=255,
                verbose_name="file name",
            ),
        ),
    ]
