"""The permission matrix: the expected status for each route, target and kind of user (T40).

The statuses are in the order of `PRINCIPALS`: anonymous, disabled, plain user, member, admin,
owner, admin of another organization, superuser.
"""

from typing import Final

from tests.api.export_rows import EXPORT_RUNS, EXPORTS
from tests.api.photo_rows import PHOTO_BATCHES
from tests.api.rows import (
    NAMED,
    NO_ORGANIZATION,
    NO_USER,
    ORGANIZATION,
    V1,
    Row,
    everyone,
    managers,
    members,
    signed_in,
    superusers,
)


def _entity_rows(path: str, kind: str) -> list[Row]:
    """Return the rows of one kind of catalogue entity: lists, creation, one by id."""
    many, one = f"{V1}/{path}/", f"{V1}/{path}/{{entity_id}}"
    entity, missing = {"entity_id": kind}, {"entity_id": "missing"}
    scope, missing_scope = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {many}", expected=signed_in(200)),
        Row(route=f"GET {many}", query=scope, expected=members(200, others=403)),
        Row(route=f"GET {many}", query=missing_scope, expected=(401, 401, *(403,) * 5, 404)),
        Row(route=f"POST {many}", body=NAMED, expected=signed_in(201)),
        Row(route=f"POST {many}", query=scope, body=NAMED, expected=members(201, others=403)),
        Row(
            route=f"POST {many}",
            query=missing_scope,
            body=NAMED,
            expected=(401, 401, *(403,) * 5, 404),
        ),
        Row(route=f"GET {one}", ids=entity, expected=members(200, others=404)),
        Row(route=f"GET {one}", ids=missing, expected=signed_in(404)),
        Row(route=f"PATCH {one}", ids=entity, body=NAMED, expected=members(200, others=404)),
        Row(route=f"PATCH {one}", ids=missing, body=NAMED, expected=signed_in(404)),
        Row(route=f"DELETE {one}", ids=entity, expected=members(204, others=404)),
        Row(route=f"DELETE {one}", ids=missing, expected=signed_in(404)),
        Row(route=f"POST {one}/restore", ids=entity, expected=members(200, others=404)),
        Row(route=f"POST {one}/restore", ids=missing, expected=signed_in(404)),
    ]


CATALOG: Final = [
    row
    for path, kind in (
        ("products", "product"),
        ("subjects", "subject"),
        ("looks", "look"),
        ("guidelines", "guideline"),
        ("production-requests", "request"),
    )
    for row in _entity_rows(path, kind)
]

USER: Final = {"user_id": "newcomer"}
NEW_USER: Final = {"email": "new@example.com", "password": "long-enough-horse"}

ACCOUNTS: Final = [
    Row(
        route=f"POST {V1}/login/access-token",
        form=True,
        body={"username": "nobody@example.com", "password": "wrong"},
        expected=everyone(401),
    ),
    Row(
        route=f"POST {V1}/login/refresh-token", body={"refresh_token": "no"}, expected=everyone(401)
    ),
    Row(route=f"POST {V1}/login/test-token", expected=signed_in(200)),
    Row(route=f"GET {V1}/users/me", expected=signed_in(200)),
    Row(route=f"PATCH {V1}/users/me", body={"full_name": "Me"}, expected=signed_in(200)),
    Row(route=f"GET {V1}/users/", expected=superusers(200)),
    Row(route=f"POST {V1}/users/", body=NEW_USER, expected=superusers(201)),
    Row(route=f"GET {V1}/users/{{user_id}}", ids=USER, expected=superusers(200)),
    Row(route=f"GET {V1}/users/{{user_id}}", ids=NO_USER, expected=superusers(404)),
    Row(route=f"PATCH {V1}/users/{{user_id}}", ids=USER, body={}, expected=superusers(200)),
    Row(route=f"PATCH {V1}/users/{{user_id}}", ids=NO_USER, body={}, expected=superusers(404)),
    Row(route=f"DELETE {V1}/users/{{user_id}}", ids=USER, expected=superusers(204)),
    Row(route=f"DELETE {V1}/users/{{user_id}}", ids=NO_USER, expected=superusers(404)),
]

MEMBER: Final = {"org_id": "organization", "user_id": "colleague"}
NO_MEMBER: Final = {"org_id": "organization", "user_id": "missing"}
MEMBER_OF_NO_ORGANIZATION: Final = {"org_id": "missing", "user_id": "colleague"}
ONE_ORGANIZATION: Final = f"{V1}/organizations/{{org_id}}"
ONE_MEMBER: Final = f"{ONE_ORGANIZATION}/members/{{user_id}}"
NEW_MEMBER: Final = {"user_id": "{newcomer}"}

ORGANIZATIONS: Final = [
    Row(route=f"GET {V1}/organizations/", expected=signed_in(200)),
    Row(route=f"POST {V1}/organizations/", body=NAMED, expected=signed_in(201)),
    Row(route=f"GET {ONE_ORGANIZATION}", ids=ORGANIZATION, expected=members(200, others=403)),
    Row(route=f"GET {ONE_ORGANIZATION}", ids=NO_ORGANIZATION, expected=superusers(404)),
    Row(route=f"PATCH {ONE_ORGANIZATION}", ids=ORGANIZATION, body=NAMED, expected=managers(200)),
    Row(
        route=f"PATCH {ONE_ORGANIZATION}", ids=NO_ORGANIZATION, body=NAMED, expected=superusers(404)
    ),
    Row(route=f"GET {ONE_ORGANIZATION}/members", ids=ORGANIZATION, expected=managers(200)),
    Row(route=f"GET {ONE_ORGANIZATION}/members", ids=NO_ORGANIZATION, expected=superusers(404)),
    Row(
        route=f"POST {ONE_ORGANIZATION}/members",
        ids=ORGANIZATION,
        body=NEW_MEMBER,
        expected=managers(201),
    ),
    Row(
        route=f"POST {ONE_ORGANIZATION}/members",
        ids=NO_ORGANIZATION,
        body=NEW_MEMBER,
        expected=superusers(404),
    ),
    Row(route=f"GET {ONE_MEMBER}", ids=MEMBER, expected=managers(200)),
    Row(route=f"GET {ONE_MEMBER}", ids=NO_MEMBER, expected=managers(404)),
    Row(route=f"GET {ONE_MEMBER}", ids=MEMBER_OF_NO_ORGANIZATION, expected=superusers(404)),
    Row(route=f"PATCH {ONE_MEMBER}", ids=MEMBER, body={"role": "admin"}, expected=managers(200)),
    Row(route=f"PATCH {ONE_MEMBER}", ids=NO_MEMBER, body={"role": "admin"}, expected=managers(404)),
    Row(
        route=f"PATCH {ONE_MEMBER}",
        ids=MEMBER_OF_NO_ORGANIZATION,
        body={"role": "admin"},
        expected=superusers(404),
    ),
    Row(route=f"DELETE {ONE_MEMBER}", ids=MEMBER, expected=managers(204)),
    Row(route=f"DELETE {ONE_MEMBER}", ids=NO_MEMBER, expected=managers(404)),
    Row(route=f"DELETE {ONE_MEMBER}", ids=MEMBER_OF_NO_ORGANIZATION, expected=superusers(404)),
]

RESOURCE: Final = {"resource_id": "resource"}
NO_RESOURCE: Final = {"resource_id": "missing"}
ONE_RESOURCE: Final = f"{V1}/media-resources/{{resource_id}}"
UPLOAD: Final = {"upload_id": "upload"}
NO_UPLOAD: Final = {"upload_id": "missing"}
ONE_UPLOAD: Final = f"{V1}/uploads/{{upload_id}}"
IMAGE: Final = {"filename": "a.webp", "content_type": "image/webp"}

MEDIA: Final = [
    Row(route=f"POST {V1}/uploads/presigned-url", body=IMAGE, expected=signed_in(200)),
    Row(
        route=f"POST {V1}/uploads/presigned-url",
        body=IMAGE | {"organization_id": "{organization}"},
        expected=members(200, others=403),
    ),
    Row(
        route=f"POST {V1}/uploads/presigned-url",
        body=IMAGE | {"organization_id": "{missing}"},
        expected=superusers(404),
    ),
    # A file that the caller may not upload gets an error in a response of status 200.
    Row(
        route=f"POST {V1}/uploads/presigned-urls",
        body={"items": [IMAGE, IMAGE | {"organization_id": "{organization}"}]},
        expected=signed_in(200),
    ),
    Row(route=f"POST {V1}/uploads/presigned-urls", body={"items": []}, expected=signed_in(422)),
    Row(route=f"GET {ONE_UPLOAD}", ids=UPLOAD, expected=members(200, others=404)),
    Row(route=f"GET {ONE_UPLOAD}", ids=NO_UPLOAD, expected=signed_in(404)),
    Row(route=f"POST {V1}/uploads/admin/upload-lora", expected=everyone(410)),
    Row(route=f"GET {V1}/media-resources/", expected=signed_in(200)),
    Row(
        route=f"GET {V1}/media-resources/",
        query="?organization_id={organization}",
        expected=members(200, others=403),
    ),
    Row(
        route=f"GET {V1}/media-resources/",
        query="?organization_id={missing}",
        expected=superusers(404),
    ),
    Row(route=f"POST {V1}/media-resources/heal", expected=superusers(202)),
    Row(route=f"GET {ONE_RESOURCE}", ids=RESOURCE, expected=members(200, others=404)),
    Row(route=f"GET {ONE_RESOURCE}", ids=NO_RESOURCE, expected=signed_in(404)),
    Row(route=f"POST {ONE_RESOURCE}/restore", ids=RESOURCE, expected=members(200, others=404)),
    Row(route=f"POST {ONE_RESOURCE}/restore", ids=NO_RESOURCE, expected=signed_in(404)),
    Row(
        route=f"PATCH {ONE_RESOURCE}",
        ids=RESOURCE,
        body={"caption": "New"},
        expected=members(200, others=404),
    ),
    Row(
        route=f"PATCH {ONE_RESOURCE}",
        ids=NO_RESOURCE,
        body={"caption": "New"},
        expected=signed_in(404),
    ),
    # These routes exist only if the local store is in use; the token in the path grants access.
    Row(route=f"PUT {V1}/uploads/local/{{token}}", expected=everyone(404)),
    Row(route="GET /local-store/{key}", expected=everyone(404)),
]


JOB: Final = {"job_id": "job"}
NO_JOB: Final = {"job_id": "missing"}
TABLE: Final = {"file": "sku,name\nS-1,Shoe\n"}


def _bulk_rows(root: str) -> list[Row]:
    """Return the rows of the bulk uploads under one of their two path prefixes."""
    many, one = f"{root}/bulk-upload/", f"{root}/bulk-upload/{{job_id}}"
    existing_scope = {"organization_id": "{organization}"}
    missing = {"organization_id": "{missing}"}
    in_existing, in_missing = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {many}", expected=signed_in(200)),
        Row(route=f"GET {many}", query=in_existing, expected=members(200, others=403)),
        Row(route=f"GET {many}", query=in_missing, expected=superusers(404)),
        Row(route=f"POST {many}", parts=TABLE, expected=signed_in(202)),
        Row(route=f"POST {many}", parts=TABLE | existing_scope, expected=members(202, others=403)),
        Row(route=f"POST {many}", parts=TABLE | missing, expected=superusers(404)),
        Row(route=f"GET {root}/bulk-upload/template", expected=signed_in(200)),
        Row(route=f"GET {one}", ids=JOB, expected=members(200, others=404)),
        Row(route=f"GET {one}", ids=NO_JOB, expected=signed_in(404)),
        Row(route=f"GET {one}/errors", ids=JOB, expected=members(200, others=404)),
        Row(route=f"GET {one}/errors", ids=NO_JOB, expected=signed_in(404)),
        Row(route=f"GET {one}/errors.csv", ids=JOB, expected=members(200, others=404)),
        Row(route=f"GET {one}/errors.csv", ids=NO_JOB, expected=signed_in(404)),
        Row(
            route=f"GET {one}/errors",
            ids=JOB,
            query="?format=csv",
            expected=members(200, others=404),
        ),
        Row(route=f"GET {one}/errors", ids=NO_JOB, query="?format=csv", expected=signed_in(404)),
        Row(route=f"POST {one}/retry", ids=JOB, expected=members(202, others=404)),
        Row(route=f"POST {one}/retry", ids=NO_JOB, expected=signed_in(404)),
        # The sample job has finished.
        Row(route=f"POST {one}/cancel", ids=JOB, expected=members(409, others=404)),
        Row(route=f"POST {one}/cancel", ids=NO_JOB, expected=signed_in(404)),
    ]


BULK: Final = [*_bulk_rows(V1), *_bulk_rows("")]

OPEN: Final = [
    Row(route="GET /files/{file_path}", expected=everyone(302)),
    Row(route=f"GET {V1}/openapi.json", expected=everyone(200)),
    Row(route="GET /docs", expected=everyone(200)),
    Row(route="GET /redoc", expected=everyone(200)),
    Row(route="GET /health/live", expected=everyone(200)),
    Row(route="GET /health/ready", expected=everyone(200)),
    Row(route="GET /health/storage", expected=everyone(200)),
]

ROWS: Final = [
    *(*ACCOUNTS, *ORGANIZATIONS, *CATALOG, *MEDIA, *EXPORTS, *EXPORT_RUNS, *BULK),
    *(*PHOTO_BATCHES, *OPEN),
]
