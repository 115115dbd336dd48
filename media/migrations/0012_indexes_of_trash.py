from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

LIVE, DELETED = Q(deleted_at__isnull=True), Q(deleted_at__isnull=False)
PERSONAL = Q(organization__isnull=True)
BY_ORGANIZATION = ["organization", "created_at", "id"]
BY_USER = ["user", "created_at", "id"]
NAME = "media_resource"
INDEXES = [
    models.Index(fields=BY_ORGANIZATION, condition=LIVE, name=f"{NAME}_live_of_org"),
    models.Index(fields=BY_USER, condition=PERSONAL & LIVE, name=f"{NAME}_live_of_user"),
    models.Index(fields=BY_ORGANIZATION, condition=DELETED, name=f"{NAME}_trash_org"),
    models.Index(fields=BY_USER, condition=PERSONAL & DELETED, name=f"{NAME}_trash_user"),
    models.Index(fields=["deleted_at"], condition=DELETED, name=f"{NAME}_trash_age"),
]


class Migration(migrations.Migration):
    """Builds and replaces indexes while the table is in use, without a time limit."""

    atomic = False
    dependencies = [("media", "0011_trash")]

    operations = [
        migrations.RunSQL(
            sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
            reverse_sql=["RESET statement_timeout", "RESET lock_timeout"],
        ),
        *(AddIndexConcurrently(model_name="mediaresource", index=index) for index in INDEXES),
        RemoveIndexConcurrently(model_name="mediaresource", name=f"{NAME}_of_org"),
        RemoveIndexConcurrently(model_name="mediaresource", name=f"{NAME}_of_user"),
        migrations.RunSQL(
            sql=["RESET statement_timeout", "RESET lock_timeout"],
            reverse_sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
        ),
    ]
