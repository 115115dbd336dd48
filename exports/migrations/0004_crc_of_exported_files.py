from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0003_indexes_by_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportitem",
            name="result_crc32",
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name="CRC-32"),
        ),
    ]
