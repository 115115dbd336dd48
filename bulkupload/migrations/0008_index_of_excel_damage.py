from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bulkupload", "0007_outages"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="bulkuploadrowerror",
            index=models.Index(
                condition=models.Q(("code", "excel_damage")),
                fields=["value"],
                name="bulk_error_excel_damage",
            ),
        ),
    ]
