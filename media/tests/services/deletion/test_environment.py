"""Cleanups and queued deletions change only buckets of their own environment."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from media.errors import EnvironmentUnknownError, ForeignEnvironmentError, StoreUnavailableError
from media.models import (
    DeletionReason,
    EnvironmentIdentity,
    MediaResource,
    ObjectDeletion,
    Upload,
    get_or_create_identity,
    own_identity,
)
from media.rules.environment import Identity
from media.services import deletions
from media.services.environment import require_own_environment
from media.storage import factory, private_store
from media.storage.marker import MARKER_KEY, mark, marker_of
from media.storage.s3.connection import S3Clients
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import AheadS3Store, new_temp_key, new_user, put_object
from media.tests.stores import set_database_id

pytestmark = pytest.mark.django_db

CLEANUPS = ["cleanup_temp_uploads", "cleanup_orphaned_media"]


@pytest.fixture(scope="module")
def bucket_names(stack: dict[str, str]) -> Iterator[list[str]]:
    """Two new buckets on the S3 server, the public and the private one."""
    name = f"identity-{uuid4().hex[:12]}"
    names = [f"{name}-public", f"{name}-private"]
    clients = S3Clients(factory.s3_connection())
    for bucket in names:
        clients.get().create_bucket(Bucket=bucket)
    yield names
    for bucket in names:
        clients.get().delete_bucket(Bucket=bucket)
    clients.close()


@pytest.fixture
def production(
    settings: Settings, bucket_names: list[str]
) -> Iterator[tuple[AheadS3Store, Identity]]:
    """The two buckets, marked, with a day-old object of each kind."""
    settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME = bucket_names
    settings.ENVIRONMENT_NAME = "production"
    factory.reset()
    store = AheadS3Store(factory.s3_connection(), settings.R2_BUCKET_NAME)
    store.ahead = aged_rows.OLD
    with factory.replaced(public=store):
        identity = get_or_create_identity()
        for bucket_store in (store, private_store()):
            mark(bucket_store, identity)
        put_object(store, new_temp_key())
        put_object(store, aged_rows.resource(new_user()).storage_key)
        yield store, identity
    delete_objects(bucket_names)
    store.close()
    factory.reset()


def delete_objects(bucket_names: list[str]) -> None:
    clients = S3Clients(factory.s3_connection())
    for bucket in bucket_names:
        for row in clients.get().list_objects_v2(Bucket=bucket).get("Contents", []):
            clients.get().delete_object(Bucket=bucket, Key=row["Key"])
    clients.close()


def objects(store: AheadS3Store) -> list[str]:
    return sorted(listing.key for listing in store.list(""))


def forget_database() -> None:
    """Reset the tables to those of a newly migrated database."""
    EnvironmentIdentity.objects.all().delete()
    MediaResource.objects.all().delete()
    Upload.objects.all().delete()


def another_database() -> None:
    forget_database()
    EnvironmentIdentity.objects.create()


def unknown_database() -> None:
    forget_database()


@pytest.mark.parametrize("name", CLEANUPS)
@pytest.mark.parametrize(
    ("empty", "reason"),
    [
        (another_database, "the id in the database is"),
        (unknown_database, "This database has no environment id yet"),
    ],
)
def test_an_empty_database_deletes_nothing(
    production: tuple[AheadS3Store, Identity], name: str, empty: Callable[[], None], reason: str
) -> None:
    store, _ = production
    before = objects(store)
    empty()

    with pytest.raises(CommandError, match=reason) as excinfo:
        call_command(name, "--execute")
    drain()

    assert excinfo.value.returncode == 1
    assert objects(store) == before


@pytest.mark.parametrize("name", CLEANUPS)
@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"environment": "staging"}, "ENVIRONMENT_NAME is production here and staging in"),
        ({"database_id": str(uuid4())}, "the id in the database is"),
        # What a copy of the production database finds that was restored into another cluster.
        ({"system_identifier": "7"}, "PostgreSQL's system_identifier is"),
    ],
)
def test_a_bucket_of_another_environment_is_left_alone(
    production: tuple[AheadS3Store, Identity],
    name: str,
    *,
    private: bool,
    change: dict[str, str],
    reason: str,
) -> None:
    store, identity = production
    mark(private_store() if private else store, Identity(**(identity.as_json() | change)))
    before = objects(store)

    for mode in ("--execute", "--dry-run"):
        with pytest.raises(CommandError, match=reason):
            call_command(name, mode)
    drain()

    assert objects(store) == before


def test_queued_deletions_of_a_foreign_bucket_stay_queued(
    production: tuple[AheadS3Store, Identity], settings: Settings
) -> None:
    store, _ = production
    key = next(key for key in objects(store) if key.startswith("temp/"))
    deletions.queue([key], reason=DeletionReason.EXPIRED)
    queued_deletions = ObjectDeletion.objects.get()
    settings.ENVIRONMENT_NAME = "staging"

    for _ in range(12):
        deletions.perform(queued_deletions.pk)

    queued_deletions.refresh_from_db()
    assert (queued_deletions.attempts, queued_deletions.dead, queued_deletions.last_error) == (
        0,
        False,
        "",
    )
    assert key in objects(store)
    settings.ENVIRONMENT_NAME = "production"
    deletions.perform(queued_deletions.pk)
    assert key not in objects(store)
    assert not ObjectDeletion.objects.exists()


def test_the_right_environment_cleans_up_and_keeps_unknown_objects(
    production: tuple[AheadS3Store, Identity],
) -> None:
    store, _ = production
    unknown_key = put_object(store, f"media/{uuid4()}/file.png")

    for name in CLEANUPS:
        call_command(name, "--execute")
    ObjectDeletion.objects.update(run_after=None)
    drain()

    assert objects(store) == [MARKER_KEY, unknown_key]


def test_one_comparison_serves_many_deletions() -> None:
    set_database_id()
    reads: list[str] = []
    public, private = MemoryStore(), MemoryStore()
    for store in (public, private):
        mark(store, own_identity())
        store.before = lambda operation, _key: reads.append(operation)

    with factory.replaced(public=public, private=private):
        for _ in range(100):
            require_own_environment()

    assert reads == ["open", "open"]


def test_an_unmarked_bucket_belongs_to_no_environment() -> None:
    set_database_id()
    with (
        factory.replaced(public=MemoryStore(), private=MemoryStore()),
        pytest.raises(ForeignEnvironmentError, match="it has no environment marker"),
    ):
        require_own_environment()


def test_an_unavailable_store_leaves_deletions_queued(memory: MemoryStore) -> None:
    deletions.queue([new_temp_key()], reason=DeletionReason.EXPIRED)
    queued_deletions = ObjectDeletion.objects.get()

    def fail(_operation: str, _key: str) -> None:
        raise StoreUnavailableError

    memory.before = fail
    deletions.perform(queued_deletions.pk)

    queued_deletions.refresh_from_db()
    assert (queued_deletions.attempts, queued_deletions.dead) == (0, False)


def test_a_role_that_may_not_read_the_identifier_is_shown_the_grant() -> None:
    set_database_id()
    role = f"reader_{uuid4().hex[:8]}"
    with connection.cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        cursor.execute(f"CREATE ROLE {role}")
        cursor.execute(f"GRANT SELECT ON media_environmentidentity TO {role}")
        cursor.execute(f"SET LOCAL ROLE {role}")
        try:
            with pytest.raises(EnvironmentUnknownError, match="GRANT EXECUTE ON FUNCTION"):
                own_identity()
        finally:
            cursor.execute("RESET ROLE")


def test_any_role_may_read_the_identifier_by_default() -> None:
    set_database_id()
    role = f"reader_{uuid4().hex[:8]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        cursor.execute(f"GRANT SELECT ON media_environmentidentity TO {role}")
        cursor.execute(f"SET LOCAL ROLE {role}")
        identity = own_identity()
        cursor.execute("RESET ROLE")

    assert int(identity.system_identifier) > 0


def test_the_id_is_written_once() -> None:
    first, second = get_or_create_identity(), get_or_create_identity()

    assert first == second == own_identity()
    assert (first.environment, first.is_complete) == (django_settings.ENVIRONMENT_NAME, True)
    assert EnvironmentIdentity.objects.count() == 1


def test_a_marker_contains_all_three_values() -> None:
    store = MemoryStore()
    mark(store, get_or_create_identity())

    assert marker_of(store) == own_identity()
