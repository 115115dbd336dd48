"""What is true after every step, read from the database and the stores without product code."""

import hashlib
from collections import defaultdict
from datetime import timedelta
from typing import Any, Final

from tests.model.environment import database
from tests.model.environment.setup import Environment
from tests.model.environment.stores import ObservedStore
from tests.model.state import Product, State

MAX_ATTEMPTS: Final = {  # of a row: failing it takes one more than the policy allows
    "media_mediaresource": 6,
    "media_objectdeletion": 8,
    "bulkupload_bulkuploadjob": 6,
    "bulkupload_bulkuploadchunk": 6,
    "bulkupload_bulkuploadmediabatch": 6,
    "bulkupload_remoteimage": 6,
    "exports_exportrun": 6,
    "exports_exportitem": 6,
}
_MEMBER = (
    "EXISTS (SELECT FROM accounts_membership m"
    " WHERE m.user_id = {user} AND m.organization_id = {organization})"
)

# Each query returns the rows that break an invariant.
VIOLATION_QUERIES: Final = {
    "I03: two resources of one owner have the same bytes": (
        "SELECT min(content_hash) FROM media_mediaresource WHERE status <> 'FAILED'"
        " GROUP BY coalesce(organization_id, user_id), content_hash HAVING count(*) > 1"
    ),
    "I04: an attachment shows a resource of another owner": (
        "SELECT a.id::text FROM media_attachment a"
        " JOIN media_mediaresource r ON r.id = a.resource_id"
        " JOIN catalog_product p ON p.id = a.entity_id"
        " WHERE coalesce(p.organization_id, p.user_id) <> coalesce(r.organization_id, r.user_id)"
    ),
    "I04: an attachment has no entity": (
        "SELECT a.id::text FROM media_attachment a"
        " LEFT JOIN catalog_product p ON p.id = a.entity_id WHERE p.id IS NULL"
    ),
    "I05: an attachment shows a deleted resource": (
        "SELECT a.id::text FROM media_attachment a JOIN media_mediaresource r"
        " ON r.id = a.resource_id WHERE r.deleted_at IS NOT NULL"
    ),
    "I05: an attachment is hidden although its entity is not, or the reverse": (
        "SELECT a.id::text FROM media_attachment a JOIN catalog_product p ON p.id = a.entity_id"
        " WHERE (a.entity_deleted_at IS NULL) <> (p.deleted_at IS NULL)"
    ),
    "I06: a slot for one file has several files, or a list has a gap": (
        "SELECT min(id::text) FROM media_attachment GROUP BY entity_id, slot"
        " HAVING (count(*) > 1 OR slot = 'images') AND (count(position) <> count(*)"
        " OR count(DISTINCT position) <> count(*) OR max(position) <> count(*) - 1)"
    ),
    "I10: an upload became a resource of an owner for whom its user may not write": (
        "SELECT u.key FROM media_upload u JOIN media_mediaresource r ON r.id = u.resource_id"
        " WHERE NOT (r.organization_id IS NULL AND r.user_id = u.user_id)"
        " AND r.organization_id IS DISTINCT FROM u.organization_id AND NOT "
        + _MEMBER.format(user="u.user_id", organization="r.organization_id")
        + " AND NOT "
        + _MEMBER.format(user="r.user_id", organization="u.organization_id")
    ),
    "I12: an import counts a row twice or not at all": (
        "SELECT j.id::text FROM bulkupload_bulkuploadjob j JOIN bulkupload_bulkuploadchunk c"
        " ON c.job_id = j.id GROUP BY j.id HAVING sum(c.rows) <> j.total_rows"
        " OR sum(c.created + c.updated + c.unchanged + c.failed) > j.total_rows"
        " OR (j.status LIKE 'COMPLETED%' AND bool_or(c.status <> 'DONE'))"
    ),
    "I12: an import does not have one error for each failed row": (
        "SELECT j.id::text FROM bulkupload_bulkuploadjob j WHERE"
        " (SELECT coalesce(sum(failed), 0) FROM bulkupload_bulkuploadchunk WHERE job_id = j.id)"
        " <> (SELECT count(DISTINCT row) FROM bulkupload_bulkuploadrowerror"
        " WHERE job_id = j.id AND severity = 'ERROR')"
    ),
    **{
        f"I15: {table} was tried more often than allowed": (
            f"SELECT id::text FROM {table} WHERE attempts > {limit}"
        )
        for table, limit in MAX_ATTEMPTS.items()
    },
}
_ATTACHED_FILES_SQL: Final = (
    "SELECT p.id::text, p.deleted_at IS NOT NULL, a.slot, r.content_hash"
    " FROM catalog_product p LEFT JOIN media_attachment a ON a.entity_id = p.id"
    " LEFT JOIN media_mediaresource r ON r.id = a.resource_id"
    " ORDER BY p.id, a.slot, a.position"
)
TRASH: Final = timedelta(days=30)


def check(environment: Environment, state: State) -> None:
    """Assert every invariant that is true at any time."""
    violations = environment.observer.violations
    assert not violations, violations
    parts = [f"SELECT '{name}', t.* FROM ({sql}) t" for name, sql in VIOLATION_QUERIES.items()]
    violating_rows = database.select(" UNION ALL ".join(parts))
    assert not violating_rows, violating_rows
    check_objects(environment, lost=state.lost)
    check_products(state, now=environment.clock.elapsed)
    missing = state.unknown_keys - environment.public.objects().keys()
    assert not missing, f"unknown objects were deleted without approval: {missing}"


def check_objects(environment: Environment, *, lost: set[str]) -> None:
    """I01: every READY resource has exactly its bytes under its key."""
    store = environment.public
    objects = store.objects()
    rows = database.select(
        "SELECT id::text, storage_key, extension, file_size, content_hash, content_type"
        " FROM media_mediaresource WHERE status = 'READY'"
    )
    for pk, key, extension, size, sha256, content_type in rows:
        if pk in lost and not _is_whole(store, key, sha256):
            continue
        lost.discard(pk)
        assert key == f"media/{pk}/file.{extension}", f"I01: a READY resource is stored as {key}"
        assert key in objects, f"I01: {key} is missing"
        body = store.body(key)
        assert len(body) == size, f"I01: {key} has another size"
        assert hashlib.sha256(body).hexdigest() == sha256, f"I01: {key} has other bytes"
        assert store.store.head(key).content_type == content_type, f"I01: type of {key}"


def _is_whole(store: ObservedStore, key: str, sha256: str) -> bool:
    return key in store.objects() and hashlib.sha256(store.body(key)).hexdigest() == sha256


def files_of(pk: str) -> dict[str, list[str]]:
    """Return the SHA-256 of the files that a product shows, by slot."""
    files: dict[str, list[str]] = defaultdict(list)
    for product, _, slot, sha256 in database.select(_ATTACHED_FILES_SQL):
        if product == pk and slot is not None:
            files[slot].append(sha256)
    return files


def check_products(state: State, *, now: timedelta) -> None:
    """I04: every product shows the files that its user gave it, and only those."""
    slots: dict[str, dict[str, list[str]]] = {}
    deleted: dict[str, bool] = {}
    for pk, is_deleted, slot, sha256 in database.select(_ATTACHED_FILES_SQL):
        deleted[pk] = is_deleted
        files = slots.setdefault(pk, defaultdict(list))
        if slot is not None:
            files[slot].append(sha256)
    for product in list(state.products):
        if product.pk not in slots:
            assert _is_purgeable(product, now), f"L05: product {product.sku} is gone"
            state.products.remove(product)
            continue
        assert deleted[product.pk] == (product.deleted_at is not None), f"trash: {product.sku}"
        require_equal(product.sku, slots[product.pk], product.slots)


def require_equal(sku: str, files: dict[str, list[str]], expected: Any) -> None:
    """Assert that the slots of a product hold the expected files."""
    for slot in {*files, *expected}:
        expected_hashes, hashes = expected.get(slot, []), files.get(slot, [])
        is_expected = len(hashes) == len(expected_hashes) and all(
            sha256 in allowed for sha256, allowed in zip(hashes, expected_hashes, strict=True)
        )
        assert is_expected, f"I04: {sku} shows {hashes} as {slot}, not {expected_hashes}"


def _is_purgeable(product: Product, now: timedelta) -> bool:
    return product.deleted_at is not None and now - product.deleted_at >= TRASH
