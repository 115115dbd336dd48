"""The checker notices each kind of broken promise."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chaos.checker.violations import Problem
from chaos.ledger import ExpectedImport, ExpectedProduct
from chaos.tests.conftest import DIGEST, State

LATER = "now() + interval '1 hour'"
ONCE_PER_ORGANIZATION = "DROP INDEX media_resource_once_per_organization;"
DELETION = """
INSERT INTO media_objectdeletion
    (id, created_at, updated_at, bucket, key, etag, reason, run_after,
     last_error, dead, lease_fence, attempts)
VALUES ('{new}', now(), now(), 'PUBLIC', 'media/x', '', 'ORPHANED', %s, '', %s, 0, 0)
"""
IDEMPOTENCY_KEY = """
INSERT INTO core_idempotencykey
    (id, created_at, updated_at, user_id, route, key, body_hash, locked_until, location)
VALUES ('{new}', now(), now(), '{new}', 'create', 'k', '', %s, '')
"""
ATTACHMENT = """
INSERT INTO media_attachment
    (id, created_at, updated_at, resource_id, entity_type, entity_id, slot, position)
VALUES ('{new}', now(), now(), '{photo}', 'PRODUCT', '{product}', '%s', %s)
"""


def copy_of(table: str, name: str) -> str:
    """Return SQL that inserts a copy of the row `{name}` of a table, with another id."""
    return (
        f"CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM {table} WHERE id = '{{{name}}}';"
        f"UPDATE copied SET id = '{{new}}'; INSERT INTO {table} SELECT * FROM copied"
    )


STUCK = {
    "photo still pending": "UPDATE media_mediaresource SET status = 'PENDING'",
    "import still running": """
        UPDATE bulkupload_bulkuploadjob SET status = 'RUNNING', finished_at = NULL
    """,
    "chunk of an import still waiting": "UPDATE bulkupload_bulkuploadchunk SET status = 'WAITING'",
    "images of an import still waiting": """
        INSERT INTO bulkupload_bulkuploadmediabatch
            (id, created_at, updated_at, job_id, chunk_id, status, pending, ready, failed,
             lease_fence, attempts)
        SELECT '{new}', now(), now(), job_id, id, 'DONE', 1, 0, 0, 0, 0
        FROM bulkupload_bulkuploadchunk
    """,
    "object not deleted though due": DELETION % ("now()", "false"),
    "upload still claimed": "UPDATE media_upload SET state = 'CLAIMED'",
    "lease still held": f"UPDATE media_mediaresource SET lease_expires_at = {LATER}",
    "Idempotency-Key still held": IDEMPOTENCY_KEY % LATER,
}
OTHERS = [
    (Problem.LOST, "product", "DELETE FROM catalog_product WHERE id = '{product}'"),
    (Problem.LOST, "product", "UPDATE catalog_product SET deleted_at = now() WHERE sku IS NULL"),
    (Problem.LOST, "photo cover_image of Created", "DELETE FROM media_attachment"),
    (
        Problem.LOST,
        "photo cover_image of Created",
        "UPDATE media_attachment SET slot = 'back_image'",
    ),
    (
        Problem.LOST,
        "photo failed",
        "UPDATE media_mediaresource SET status = 'FAILED', failure_code = 'source_missing'",
    ),
    (Problem.LOST, "has other bytes", "UPDATE media_mediaresource SET file_size = 1"),
    (
        Problem.LOST,
        "import",
        """
        DELETE FROM bulkupload_bulkuploadrowerror; DELETE FROM bulkupload_bulkuploadchunk;
        DELETE FROM bulkupload_bulkuploadjob
        """,
    ),
    (Problem.LOST, "row SKU-1", "DELETE FROM catalog_product WHERE sku = 'SKU-1'"),
    (Problem.LOST, "row SKU-1", "UPDATE catalog_product SET name = 'Other' WHERE sku = 'SKU-1'"),
    (Problem.LOST, "instead of", "DELETE FROM bulkupload_bulkuploadrowerror"),
    (Problem.LOST, "instead of", "UPDATE bulkupload_bulkuploadjob SET status = 'FAILED'"),
    (
        Problem.LOST,
        "rows of an import in no chunk or in two",
        "UPDATE bulkupload_bulkuploadchunk SET rows = 3, updated = 1",
    ),
    (Problem.DOUBLED, "photo back_image of Created", ATTACHMENT % ("back_image", "NULL")),
    (
        Problem.DOUBLED,
        "two photos in one place",
        "DROP INDEX media_attachment_single_slot;" + ATTACHMENT % ("cover_image", "NULL"),
    ),
    (
        Problem.DOUBLED,
        "two resources with the same bytes",
        ONCE_PER_ORGANIZATION + copy_of("media_mediaresource", "photo"),
    ),
    (Problem.DOUBLED, "two products of one request", copy_of("catalog_product", "product")),
    (
        Problem.DOUBLED,
        "two products with one SKU",
        """
        DROP INDEX product_sku_once_per_organization;
        UPDATE catalog_product SET sku = 'SKU-1' WHERE sku IS NULL
        """,
    ),
    (Problem.DOUBLED, "two imports", copy_of("bulkupload_bulkuploadjob", "job")),
    (
        Problem.DOUBLED,
        "error of an import twice",
        """
        ALTER TABLE bulkupload_bulkuploadrowerror DROP CONSTRAINT bulk_error_once;
        INSERT INTO bulkupload_bulkuploadrowerror
            (job_id, row, position, line, "column", value, code, message, cells)
        SELECT job_id, row, position, line, '', '', code, message, ''
        FROM bulkupload_bulkuploadrowerror
        """,
    ),
    (Problem.LEFT_OVER, "deletion given up", DELETION % ("NULL", "true")),
    (
        Problem.LEFT_OVER,
        "attached nowhere",
        "UPDATE media_mediaresource SET unattached_at = NULL; DELETE FROM media_attachment",
    ),
    (
        Problem.LEFT_OVER,
        "photo of a product that does not exist",
        "DELETE FROM catalog_product WHERE id = '{product}'",
    ),
    (
        Problem.LEFT_OVER,
        "public object media/",
        "DELETE FROM media_attachment; DELETE FROM media_upload; DELETE FROM media_mediaresource",
    ),
    (
        Problem.LEFT_OVER,
        "private object bulk/",
        "UPDATE bulkupload_bulkuploadjob SET source_key = 'bulk/other'",
    ),
]


def test_a_consistent_state_has_no_violations(state: State) -> None:
    assert state.violations() == []
    assert state.checker.remaining() == {}


@pytest.mark.parametrize(("start", "sql"), STUCK.items())
def test_work_that_remains_is_noticed(state: State, start: str, sql: str) -> None:
    state.execute(sql)

    assert [text for text in state.texts(Problem.STUCK) if text.startswith(start)]
    assert any(what.startswith(start) for what in state.checker.remaining())


def test_a_pending_photo_is_stuck_but_not_lost(state: State) -> None:
    state.execute("UPDATE media_mediaresource SET status = 'PENDING'")

    assert {item.problem for item in state.violations()} == {Problem.STUCK}


def test_an_unfinished_import_is_stuck_but_not_lost(state: State) -> None:
    state.execute(
        "UPDATE bulkupload_bulkuploadjob SET status = 'QUEUED', finished_at = NULL, total_rows = 0,"
        " planned_at = NULL; DELETE FROM catalog_product WHERE sku = 'SKU-1'"
    )

    assert {item.problem for item in state.violations()} == {Problem.STUCK}


@pytest.mark.parametrize(
    "sql",
    [
        DELETION % (LATER, "false"),
        IDEMPOTENCY_KEY % "now() - interval '1 second'",
        "UPDATE media_mediaresource SET lease_expires_at = now() - interval '1 second'",
    ],
    ids=["deletion", "key", "lease"],
)
def test_what_is_due_later_or_has_expired_may_remain(state: State, sql: str) -> None:
    state.execute(sql)

    assert state.violations() == []


@pytest.mark.parametrize(("problem", "part", "sql"), OTHERS)
def test_a_changed_row_is_noticed(state: State, problem: Problem, part: str, sql: str) -> None:
    state.execute(sql)

    assert [text for text in state.texts(problem) if part in text]


@pytest.mark.parametrize("name", ["photo_key", "thumbnail_key"])
def test_a_lost_object_is_noticed(state: State, name: str) -> None:
    del state.public.objects[state.ids[name]]

    assert [state.ids[name] in text for text in state.texts(Problem.LOST)] == [True]


def test_other_bytes_of_the_same_size_are_noticed(state: State) -> None:
    state.public.objects[state.ids["photo_key"]] = b"A photo"

    assert state.texts(Problem.LOST) == [
        f"object {state.ids['photo_key']} has other bytes than its row"
    ]


@pytest.mark.parametrize(
    "key", ["media/0192-none/file.jpg", "temp/none_1_photo.jpg", "images/a.jpg", "other"]
)
def test_an_object_without_a_row_is_noticed(state: State, key: str) -> None:
    state.public.objects[key] = b"?"

    assert state.texts(Problem.LEFT_OVER) == [f"public object {key}"]


def test_an_object_whose_deletion_is_queued_may_remain(state: State) -> None:
    state.public.objects["media/x"] = b"?"
    state.execute(DELETION % (LATER, "false"))

    assert state.violations() == []


def test_the_temporary_object_of_a_used_upload_is_noticed(state: State) -> None:
    state.public.objects[state.ids["upload_key"]] = b"?"

    assert state.texts(Problem.LEFT_OVER) == [f"public object {state.ids['upload_key']}"]


@pytest.mark.parametrize("state_of_upload", ["ISSUED", "CONSUMED", "CLAIMED"])
def test_a_temporary_object_may_remain_if_it_is_unused_or_came_late(
    state: State, state_of_upload: str
) -> None:
    key = state.ids["upload_key"]
    state.execute(f"UPDATE media_upload SET state = '{state_of_upload}'")
    state.public.objects[key] = b"?"
    if state_of_upload == "CONSUMED":
        state.public.modified[key] = timezone.now() + timedelta(seconds=1)

    assert state.texts(Problem.LEFT_OVER) == []


def test_a_missing_photo_of_an_import_is_noticed(state: State) -> None:
    [table] = state.ledger.imports
    photos = {"SKU-1": DIGEST}
    state.ledger.imports[:] = [
        ExpectedImport(table.id, table.filename, table.names, photos, table.refused_rows)
    ]

    lost = state.texts(Problem.LOST)

    assert "photo cover_image of SKU-1 is not in its place" in lost
    assert len(lost) == 2  # and the count of images


def test_a_photo_in_another_position_is_noticed(state: State) -> None:
    [product] = state.ledger.products
    state.ledger.products[:] = [
        ExpectedProduct(product.id, product.name, {("images", 0): DIGEST, ("images", 1): DIGEST})
    ]
    state.execute("UPDATE media_attachment SET slot = 'images', position = 1")

    assert state.texts(Problem.LOST) == ["photo images[0] of Created is not in its place"]


def test_a_response_that_no_client_should_get_is_a_violation(state: State) -> None:
    state.ledger.add_problem("create: 500")

    assert state.texts(Problem.REJECTED) == ["create: 500"]
