"""What may change from one step to the next: states only move along the allowed edges."""

from collections.abc import Mapping
from typing import Any, Final

from tests.model.environment import database

Rows = Mapping[str, tuple[Any, ...]]

# States that may follow, with any number of transitions in one step. Others are final.
UPLOADS: Final = {
    "ISSUED": {"ISSUED", "CLAIMED", "CONSUMED", "EXPIRED"},
    "CLAIMED": {"CLAIMED", "CONSUMED", "EXPIRED"},
}
JOBS: Final = {
    "QUEUED": {
        *("QUEUED", "RUNNING", "COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELLED"),
    },
    "RUNNING": {"RUNNING", "COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELLED"},
}
EXPORTS: Final = {
    **JOBS,
    "COMPLETED": {"COMPLETED", "EXPIRED"},
    "COMPLETED_WITH_ERRORS": {"COMPLETED_WITH_ERRORS", "EXPIRED"},
}
STATES: Final = {
    "media_upload": ("state", UPLOADS),
    "bulkupload_bulkuploadjob": ("status", JOBS),
    "exports_exportrun": ("status", EXPORTS),
}
LEASED: Final = ("media_mediaresource", "bulkupload_bulkuploadchunk", "exports_exportitem")


class History:
    """The state after the last step."""

    def __init__(self) -> None:
        self._states: dict[str, Rows] = {}
        self._fences: dict[str, Rows] = {}
        self._resources: Rows = {}

    def check(self) -> None:
        """Compare with the last step."""
        for table, (column, edges) in STATES.items():
            current = _rows(f"SELECT id::text, {column} FROM {table}")
            for pk, (state,) in current.items():
                (before,) = self._states.get(table, {}).get(pk, (state,))
                following = edges.get(before, {before})
                assert state in following, f"I11: {table} {pk}: {before} > {state}"
            self._states[table] = current
        for table in LEASED:
            current = _rows(f"SELECT id::text, lease_fence FROM {table}")
            for pk, (fence,) in current.items():
                (before,) = self._fences.get(table, {}).get(pk, (0,))
                assert fence >= before, f"I15: the fence of {table} {pk} fell"
            self._fences[table] = current
        self._check_resources()

    def _check_resources(self) -> None:
        current = _rows(
            "SELECT id::text, content_hash, file_size, content_type, extension,"
            " coalesce(organization_id, user_id) FROM media_mediaresource"
        )
        for pk, identity in current.items():
            before = self._resources.get(pk, identity)
            assert identity == before, f"I02: resource {pk} was {before} and is {identity}"
        self._resources = current


def _rows(sql: str) -> dict[str, tuple[Any, ...]]:
    return {pk: tuple(values) for pk, *values in database.select(sql)}
