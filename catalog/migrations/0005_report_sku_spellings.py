import sys
from typing import Any

from django.db import migrations

from catalog.services.sku_spellings import find_spellings


def report(apps: Any, schema_editor: Any) -> None:
    """Say which SKUs look alike, and change none: which product stays is for people to decide."""
    found = find_spellings(apps.get_model("catalog", "Product").objects.all())
    total = len(found.renamable) + len(found.colliding)
    if total:
        sys.stdout.write(
            f"\n  {total} SKUs have invisible characters, outer blanks or are not composed;"
            f" {len(found.colliding)} of them look like another product's. Nothing was changed:"
            " see manage.py clean_skus.\n"
        )


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_indexes_by_owner"),
    ]

    operations = [
        migrations.RunPython(report, migrations.RunPython.noop),
    ]
