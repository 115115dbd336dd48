from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [("media", "0004_environment_identity")]

    operations = [
        migrations.AddIndex(
            model_name="mediaresource",
            index=models.Index(
                Coalesce("organization_id", "user_id"),
                models.F("created_at"),
                condition=models.Q(("status", "PENDING")),
                name="media_resource_turns",
            ),
        ),
    ]
