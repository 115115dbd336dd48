from django.db import migrations, models

KINDS = ("guideline", "look", "product", "productionrequest", "subject")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_report_sku_spellings")]

    operations = [
        migrations.AddField(
            model_name=kind,
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        )
        for kind in KINDS
    ]
