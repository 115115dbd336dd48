"""Databases of earlier commits are migrated, too: a squashed migration replaces those before it."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

pytestmark = pytest.mark.django_db


def squashed_migrations() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the app, name and replaced migrations of each squashed migration."""
    replacements = MigrationExecutor(connection).loader.replacements
    for app, name in sorted(replacements):
        yield app, name, [old for _, old in replacements[app, name].replaces]


def later_migrations() -> set[tuple[str, str]]:
    """Return the migrations since the squashed ones."""
    on_disk = MigrationExecutor(connection).loader.disk_migrations
    return {
        (app, other)
        for app, name, old_names in list(squashed_migrations())
        for label, other in on_disk
        if label == app and other not in {name, *old_names}
    }


def record_separate_migrations() -> None:
    """Record that the replaced migrations ran, each by itself, and no squashed one."""
    recorder = MigrationRecorder(connection)
    for app, name, old_names in list(squashed_migrations()):
        recorder.record_unapplied(app, name)
        for old_name in old_names:
            recorder.record_unapplied(app, old_name)
            recorder.record_applied(app, old_name)


def plan() -> list[tuple[str, str]]:
    executor = MigrationExecutor(connection)
    nodes = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [(migration.app_label, migration.name) for migration, _ in nodes]


def test_a_database_with_all_replaced_migrations_needs_none() -> None:
    record_separate_migrations()

    assert plan() == []


def test_a_database_with_some_replaced_migrations_needs_only_the_others() -> None:
    record_separate_migrations()
    missing_migrations = {
        (app, old_names[-1]) for app, _, old_names in squashed_migrations()
    } | later_migrations()
    for app, name in missing_migrations:
        MigrationRecorder(connection).record_unapplied(app, name)

    assert sorted(plan()) == sorted(missing_migrations)


def test_a_new_database_runs_the_squashed_migrations_instead_of_those_they_replace() -> None:
    MigrationRecorder(connection).migration_qs.delete()

    nodes = plan()

    assert {(app, name) for app, name, _ in squashed_migrations()} <= set(nodes)
    assert not {
        (app, old) for app, _, old_names in squashed_migrations() for old in old_names
    } & set(nodes)
