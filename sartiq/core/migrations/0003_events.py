import django.utils.timezone
from django.db import migrations, models

import sartiq.core.models

CREATE = """
CREATE TABLE core_event (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    action varchar(64) NOT NULL,
    object_type varchar(40) NOT NULL,
    object_id uuid NULL,
    user_id uuid NULL,
    organization_id uuid NULL,
    actor_kind varchar(16) NOT NULL,
    actor_id uuid NULL,
    source varchar(200) NOT NULL,
    source_id varchar(64) NOT NULL,
    ip inet NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE core_event_default PARTITION OF core_event DEFAULT;
CREATE FUNCTION core_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Events are never changed; old ones are dropped with their partition.';
END $$;
CREATE TRIGGER core_event_append_only BEFORE UPDATE OR DELETE ON core_event
    FOR EACH ROW EXECUTE FUNCTION core_event_is_append_only();
"""
DROP = "DROP TABLE core_event; DROP FUNCTION core_event_is_append_only();"

# This month and the next two; `sartiq.core.events.partitions` creates the later ones.
CREATE_MONTHS = """
DO $$
DECLARE
    month timestamptz;
BEGIN
    FOR ahead IN 0..2 LOOP
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month')
            AT TIME ZONE 'UTC';
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF core_event FOR VALUES FROM (%L) TO (%L)',
            'core_event_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'),
            month,
            ((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
        );
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    # Django cannot create a partitioned table, nor a primary key that is not the model's.
    dependencies = [
        ("core", "0002_index_by_age"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CREATE, DROP),
                migrations.RunSQL(CREATE_MONTHS, migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=sartiq.core.models.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "created_at",
                            models.DateTimeField(
                                default=django.utils.timezone.now, verbose_name="time"
                            ),
                        ),
                        ("action", models.CharField(max_length=64)),
                        ("object_type", models.CharField(max_length=40)),
                        ("object_id", models.UUIDField(null=True)),
                        ("user_id", models.UUIDField(null=True)),
                        ("organization_id", models.UUIDField(null=True)),
                        (
                            "actor_kind",
                            models.CharField(
                                choices=[
                                    ("USER", "User"),
                                    ("TOKEN", "API token"),
                                    ("STAFF", "Staff, in the admin"),
                                    ("WORKER", "Worker"),
                                    ("COMMAND", "Command"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("actor_id", models.UUIDField(null=True)),
                        ("source", models.CharField(blank=True, max_length=200)),
                        ("source_id", models.CharField(blank=True, max_length=64)),
                        ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                        ("details", models.JSONField(default=dict)),
                    ],
                    options={"ordering": ["id"]},
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("object_id__isnull", False)),
                fields=["object_id", "created_at"],
                name="event_of_object",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("organization_id__isnull", False)),
                fields=["organization_id", "created_at"],
                name="event_of_org",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("organization_id__isnull", True), ("user_id__isnull", False)),
                fields=["user_id", "created_at"],
                name="event_of_user",
            ),
        ),
    ]
