from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0005_outages"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="exportrun",
            index=models.Index(
                condition=models.Q(("status__in", ["EXPIRED", "FAILED"])),
                fields=["finished_at"],
                name="export_run_old",
            ),
        ),
    ]
