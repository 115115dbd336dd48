"""Rows of the permission matrix for photo batches."""

from typing import Final

from tests.api.rows import V1, Row, members, signed_in, superusers

MANY: Final = f"{V1}/photo-batches/"
ONE: Final = f"{V1}/photo-batches/{{batch_id}}"
PHOTO_OF_BATCH: Final = f"{ONE}/files/{{file_id}}"
PHOTO: Final = {"filename": "S-1_2.webp", "content_type": "image/webp", "file_size": 10}
PHOTOS: Final = {"files": [PHOTO]}
SKIP: Final = {"skip": True}
PHOTO_IDS: Final = {"file_ids": ["{photo}"]}
BATCH: Final = {"batch_id": "batch"}
NO_BATCH: Final = {"batch_id": "missing"}
IN_BATCH: Final = {"batch_id": "batch", "file_id": "photo"}
NO_PHOTO: Final = {"batch_id": "batch", "file_id": "missing"}


def _of_one(method: str, suffix: str, status: int, body: object = None) -> list[Row]:
    """Return the rows of a route of one batch: of the organization's, and of a missing one."""
    route = f"{method} {ONE}{suffix}"
    return [
        Row(route=route, ids=BATCH, body=body, expected=members(status, others=404)),
        Row(route=route, ids=NO_BATCH, body=body, expected=signed_in(404)),
    ]


PHOTO_BATCHES: Final = [
    Row(route=f"GET {MANY}", expected=signed_in(200)),
    Row(
        route=f"GET {MANY}",
        query="?organization_id={organization}",
        expected=members(200, others=403),
    ),
    Row(route=f"GET {MANY}", query="?organization_id={missing}", expected=superusers(404)),
    Row(route=f"POST {MANY}", body=PHOTOS, expected=signed_in(201)),
    Row(
        route=f"POST {MANY}",
        body=PHOTOS | {"organization_id": "{organization}"},
        expected=members(201, others=403),
    ),
    Row(
        route=f"POST {MANY}",
        body=PHOTOS | {"organization_id": "{missing}"},
        expected=superusers(404),
    ),
    *_of_one("GET", "", 200),
    *_of_one("GET", "/files", 200),
    *_of_one("POST", "/files", 201, PHOTOS),
    *_of_one("POST", "/uploaded", 200, PHOTO_IDS),
    *_of_one("POST", "/tickets", 200, PHOTO_IDS),
    *_of_one("POST", "/attach", 202),
    *_of_one("POST", "/retry", 202),
    *_of_one("POST", "/cancel", 202),
    *_of_one("GET", "/report", 200),
    Row(route=f"GET {PHOTO_OF_BATCH}", ids=IN_BATCH, expected=members(200, others=404)),
    Row(route=f"GET {PHOTO_OF_BATCH}", ids=NO_PHOTO, expected=signed_in(404)),
    Row(
        route=f"PATCH {PHOTO_OF_BATCH}",
        ids=IN_BATCH,
        body=SKIP,
        expected=members(200, others=404),
    ),
    Row(
        route=f"PATCH {PHOTO_OF_BATCH}",
        ids=NO_PHOTO,
        body=SKIP,
        expected=signed_in(404),
    ),
]
