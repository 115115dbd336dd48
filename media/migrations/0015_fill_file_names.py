from typing import Any
from uuid import UUID

from django.db import migrations

BATCH_SIZE = 1000
# A copy whose own uploads are unknown takes the name of the file it was copied from. Rows are
# locked in the order of ingest. The pattern is `media.rules.keys.base_name`.
FILL_BATCH = r"""
    WITH batch AS (
        SELECT id FROM media_mediaresource WHERE id > %(after)s ORDER BY id LIMIT %(size)s
    ), nameless AS (
        SELECT id, copied_from_id
        FROM media_mediaresource
        WHERE id IN (SELECT id FROM batch) AND filename = ''
        ORDER BY content_hash, id
        FOR NO KEY UPDATE
    ), filled AS (
        UPDATE media_mediaresource AS resource
        SET filename = oldest.name
        FROM nameless, LATERAL (
            SELECT substring(filename FROM '([^/\\]*[^/\\. ][^/\\]*)(?:[/\\][. ]*)*$') AS name
            FROM media_upload
            WHERE resource_id IN (nameless.id, nameless.copied_from_id)
            ORDER BY resource_id = nameless.id DESC, created_at, id
            LIMIT 1
        ) AS oldest
        WHERE resource.id = nameless.id AND oldest.name IS NOT NULL
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def fill(apps: Any, schema_editor: Any, *, size: int = BATCH_SIZE) -> None:
    """Give each resource without a name that of its oldest upload."""
    after: tuple[UUID] | None = (UUID(int=0),)
    with schema_editor.connection.cursor() as cursor:
        while after is not None:
            cursor.execute(FILL_BATCH, {"after": after[0], "size": size})
            after = cursor.fetchone()


class Migration(migrations.Migration):
    """Updates existing rows in batches, each in its own transaction, without a time limit."""

    atomic = False
    dependencies = [("media", "0014_file_names")]

    operations = [
        migrations.RunSQL(
            sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
            reverse_sql=["RESET statement_timeout", "RESET lock_timeout"],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(
            sql=["RESET statement_timeout", "RESET lock_timeout"],
            reverse_sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
        ),
    ]
