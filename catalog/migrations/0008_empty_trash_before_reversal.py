from typing import Any

from django.db import migrations

KINDS = ("Guideline", "Look", "Product", "ProductionRequest", "Subject")


def require_empty_trash(apps: Any, schema_editor: Any) -> None:
    """Refuse to reverse while rows are deleted: without the column they would be live again."""
    rows = [apps.get_model("catalog", kind).objects for kind in KINDS]
    count = sum(kind.filter(deleted_at__isnull=False).count() for kind in rows)
    if count:
        message = (
            f"{count} entities are in the trash. Restore or purge them (manage.py purge_trash)."
        )
        raise RuntimeError(message)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_indexes_of_trash")]

    operations = [migrations.RunPython(migrations.RunPython.noop, require_empty_trash)]
