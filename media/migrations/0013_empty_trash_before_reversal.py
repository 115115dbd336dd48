from typing import Any

from django.db import migrations


def require_empty_trash(apps: Any, schema_editor: Any) -> None:
    """Refuse to reverse while rows are deleted: without the column they would be live again."""
    deleted = apps.get_model("media", "MediaResource").objects.filter(deleted_at__isnull=False)
    count = deleted.count()
    if count:
        message = (
            f"{count} media resources are in the trash. Restore or purge them"
            " (manage.py purge_trash)."
        )
        raise RuntimeError(message)


class Migration(migrations.Migration):
    dependencies = [("media", "0012_indexes_of_trash")]

    operations = [migrations.RunPython(migrations.RunPython.noop, require_empty_trash)]
