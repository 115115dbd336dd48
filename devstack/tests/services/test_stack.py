from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis
from django.db import connection

from devstack.folders import persistent_paths, remove_data
from devstack.services.postgres import choose_home
from devstack.services.stack import Stack


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    with Stack.temporary(environ={}) as stack:
        yield stack


def connect(stack: Stack) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(stack.paths.run / "pg"), user="sartiq", dbname="sartiq", autocommit=True
    )


@pytest.mark.django_db
def test_tests_use_the_embedded_database(stack: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW unix_socket_directories")
        (folder,) = cursor.fetchone()

    assert f"{folder}/" in stack["DATABASE_URL"]


def test_postgres_is_version_18_and_reached_by_socket_only(running: Stack) -> None:
    with connect(running) as database:
        row = database.execute(
            "SELECT current_setting('server_version_num')::int / 10000,"
            " current_setting('listen_addresses'), current_setting('server_encoding')"
        ).fetchone()

    assert row == (18, "", "UTF8")


def test_postgres_starts_again_after_it_was_killed_while_it_started(running: Stack) -> None:
    assert running.postgres is not None
    running.postgres.child.kill()
    data = choose_home(running.paths.data).data
    for lock in (data / "postmaster.pid", running.paths.run / "pg" / ".s.PGSQL.5432.lock"):
        lock.write_bytes(b"")  # created, and not yet written

    running.restart_dead()

    with connect(running) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_valkey_persists_messages_and_evicts_nothing(running: Stack) -> None:
    with redis.Redis(unix_socket_path=str(running.paths.run / "valkey.sock")) as client:
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy")

    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }


@pytest.mark.parametrize(
    ("bucket", "key", "status"),
    [
        (0, "media/a", HTTPStatus.OK),
        (0, "temp/a", HTTPStatus.OK),
        (0, "images/a", HTTPStatus.OK),
        (0, "other/a", HTTPStatus.FORBIDDEN),
        (0, "", HTTPStatus.FORBIDDEN),
        (1, "media/a", HTTPStatus.FORBIDDEN),
    ],
)
def test_only_the_public_prefixes_can_be_read_anonymously(
    running: Stack, bucket: int, key: str, status: HTTPStatus
) -> None:
    assert running.seaweed is not None
    name = (running.env["R2_BUCKET_NAME"], running.env["R2_PRIVATE_BUCKET_NAME"])[bucket]
    url = f"{running.env['S3_ENDPOINT_URL']}/{name}/{key}"
    if key:
        running.seaweed.client().put_object(Bucket=name, Key=key, Body=b"shoe")

    assert httpx.get(url).status_code == status
    assert httpx.put(url, content=b"mine").status_code == HTTPStatus.FORBIDDEN
    assert httpx.delete(url).status_code == HTTPStatus.FORBIDDEN


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    remove_data(tmp_path)


def test_data_survives_a_restart(data: Path) -> None:
    with Stack(paths=persistent_paths(data), environ={}) as first:
        assert first.seaweed is not None
        first.seaweed.client().put_object(Bucket="sartiq-media", Key="media/a", Body=b"shoe")
        with connect(first) as database:
            database.execute("CREATE TABLE shoe AS SELECT 42 AS size")

    with Stack(paths=persistent_paths(data), environ={}) as second:
        stored = httpx.get(f"{second.env['S3_ENDPOINT_URL']}/sartiq-media/media/a").content
        with connect(second) as database:
            row = database.execute("SELECT size FROM shoe").fetchone()

    assert stored == b"shoe"
    assert row == (42,)
    assert second.env["SECRET_KEY"] == first.env["SECRET_KEY"]
    assert second.env["S3_ENDPOINT_URL"] != first.env["S3_ENDPOINT_URL"]


def test_a_stopped_stack_leaves_no_process_and_no_temporary_folder() -> None:
    stack = Stack.temporary(environ={"STORAGE": "local"})
    stack.start()
    pids = [child.pid for child in stack.children]

    stack.stop()

    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not stack.paths.run.exists()


def test_given_addresses_replace_the_embedded_services() -> None:
    environ = {
        "DATABASE_URL": "postgres://elsewhere/db",
        "BROKER_URL": "redis://elsewhere/0",
        "S3_ENDPOINT_URL": "https://elsewhere.test",
    }

    stack = Stack.temporary(environ=environ)
    stack.stop()

    assert stack.services == []
    assert environ.items() <= stack.env.items()


def test_the_local_store_needs_no_object_store() -> None:
    stack = Stack.temporary(environ={"STORAGE": "local"})
    stack.stop()

    assert stack.seaweed is None
    assert "S3_ENDPOINT_URL" not in stack.env
