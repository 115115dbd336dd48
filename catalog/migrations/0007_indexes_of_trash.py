from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

KINDS = ("guideline", "look", "product", "productionrequest", "subject")
LIVE, DELETED = Q(deleted_at__isnull=True), Q(deleted_at__isnull=False)
PERSONAL = Q(organization__isnull=True)
BY_ORGANIZATION = ["organization", "created_at", "id"]
BY_USER = ["user", "created_at", "id"]


def _replaced_indexes(kind: str) -> list[Any]:
    indexes = [
        models.Index(fields=BY_ORGANIZATION, condition=LIVE, name=f"{kind}_live_of_org"),
        models.Index(fields=BY_USER, condition=PERSONAL & LIVE, name=f"{kind}_live_of_user"),
        models.Index(fields=BY_ORGANIZATION, condition=DELETED, name=f"{kind}_trash_org"),
        models.Index(fields=BY_USER, condition=PERSONAL & DELETED, name=f"{kind}_trash_user"),
        models.Index(fields=["deleted_at"], condition=DELETED, name=f"{kind}_trash_age"),
    ]
    return [
        *(AddIndexConcurrently(model_name=kind, index=index) for index in indexes),
        RemoveIndexConcurrently(model_name=kind, name=f"{kind}_of_org"),
        RemoveIndexConcurrently(model_name=kind, name=f"{kind}_of_user"),
    ]


def _replaced_constraint(kind: str, field: str, owner: str) -> Any:
    """Replace a unique index by one of live rows; both exist until the new one is complete."""
    name, column = f"{kind}_{field}_once_per_{owner}", f"{owner}_id"
    is_null = "IS NOT NULL" if owner == "organization" else "IS NULL"
    condition = f"organization_id {is_null}"
    live_of_owner = Q(organization__isnull=owner == "user", deleted_at__isnull=True)
    fields = [owner, field]
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                sql=_swap(
                    kind, name, f"({column}, {field})", f"{condition} AND deleted_at IS NULL"
                ),
                reverse_sql=_swap(kind, name, f"({column}, {field})", condition),
            )
        ],
        state_operations=[
            migrations.RemoveConstraint(model_name=kind, name=name),
            migrations.AddConstraint(
                model_name=kind,
                constraint=models.UniqueConstraint(
                    fields=fields, condition=live_of_owner, name=name
                ),
            ),
        ],
    )


def _swap(kind: str, name: str, columns: str, condition: str) -> list[str]:
    create = f"CREATE UNIQUE INDEX CONCURRENTLY {name}_new ON catalog_{kind} {columns}"
    return [
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new",  # left by an interrupted run
        f"{create} WHERE {condition}",
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
        f"ALTER INDEX {name}_new RENAME TO {name}",
    ]


class Migration(migrations.Migration):
    """Builds and replaces indexes while the tables are in use, without a time limit."""

    atomic = False
    dependencies = [("catalog", "0006_trash")]

    operations = [
        migrations.RunSQL(
            sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
            reverse_sql=["RESET statement_timeout", "RESET lock_timeout"],
        ),
        *(operation for kind in KINDS for operation in _replaced_indexes(kind)),
        *(
            _replaced_constraint(kind, field, owner)
            for kind, field in (("product", "sku"), ("subject", "slug"))
            for owner in ("organization", "user")
        ),
        migrations.RunSQL(
            sql=["RESET statement_timeout", "RESET lock_timeout"],
            reverse_sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
        ),
    ]
