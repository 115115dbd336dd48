from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("media", "0009_reconcile_reports"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="objectdeletion",
            index=models.Index(
                condition=models.Q(("dead", True)), fields=["id"], name="media_deletion_given_up"
            ),
        ),
    ]
