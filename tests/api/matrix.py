"""Who gets which status where: one row for every route, method and kind of target (T40).

The statuses stand in the order of `PRINCIPALS`: anonymous, disabled, plain user, member, admin,
owner, admin of another organization, superuser.
"""

from dataclasses import dataclass, field
from typing import Any, Final

Statuses = tuple[int, ...]


def everyone(status: int) -> Statuses:
    """Everyone, signed in or not."""
    return (status,) * 8


def signed_in(status: int) -> Statuses:
    """Everyone with a token that holds."""
    return (401, 401, *(status,) * 6)


def members(status: int, *, others: int, superuser: int | None = None) -> Statuses:
    """The organization's members of every role, and superusers."""
    last = status if superuser is None else superuser
    return (401, 401, others, status, status, status, others, last)


def managers(status: int, *, superuser: int | None = None) -> Statuses:
    """The organization's owners and admins, and superusers."""
    return (401, 401, 403, 403, status, status, 403, superuser or status)


def superusers(status: int) -> Statuses:
    """Superusers."""
    return (401, 401, *(403,) * 5, status)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request and what each principal is answered."""

    route: str
    expected: Statuses
    ids: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None
    form: bool = False
    parts: dict[str, str] | None = None  # of a multipart form; `file` is a file

    def __str__(self) -> str:
        details = " ".join([*self.ids.values(), *(self.parts or {})])
        return f"{self.route}{self.query} {details}".strip()


NAMED: Final = {"name": "Named"}
V1: Final = "/api/v1"


def _entity_rows(path: str, kind: str) -> list[Row]:
    """Return the rows of one kind of catalogue entity: lists, creation, one by id."""
    many, one = f"{V1}/{path}/", f"{V1}/{path}/{{entity_id}}"
    own, missing = {"entity_id": kind}, {"entity_id": "missing"}
    scope, nowhere = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {many}", expected=signed_in(200)),
        Row(route=f"GET {many}", query=scope, expected=members(200, others=403)),
        Row(route=f"GET {many}", query=nowhere, expected=(401, 401, *(403,) * 5, 404)),
        Row(route=f"POST {many}", body=NAMED, expected=signed_in(201)),
        Row(route=f"POST {many}", query=scope, body=NAMED, expected=members(201, others=403)),
        Row(route=f"POST {many}", query=nowhere, body=NAMED, expected=(401, 401, *(403,) * 5, 404)),
        Row(route=f"GET {one}", ids=own, expected=members(200, others=404)),
        Row(route=f"GET {one}", ids=missing, expected=signed_in(404)),
        Row(route=f"PATCH {one}", ids=own, body=NAMED, expected=members(200, others=404)),
        Row(route=f"PATCH {one}", ids=missing, body=NAMED, expected=signed_in(404)),
        Row(route=f"DELETE {one}", ids=own, expected=members(204, others=404)),
        Row(route=f"DELETE {one}", ids=missing, expected=signed_in(404)),
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
NOBODY: Final = {"user_id": "missing"}
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
    Row(route=f"GET {V1}/users/{{user_id}}", ids=NOBODY, expected=superusers(404)),
    Row(route=f"PATCH {V1}/users/{{user_id}}", ids=USER, body={}, expected=superusers(200)),
    Row(route=f"PATCH {V1}/users/{{user_id}}", ids=NOBODY, body={}, expected=superusers(404)),
    Row(route=f"DELETE {V1}/users/{{user_id}}", ids=USER, expected=superusers(204)),
    Row(route=f"DELETE {V1}/users/{{user_id}}", ids=NOBODY, expected=superusers(404)),
]

ORGANIZATION: Final = {"org_id": "organization"}
NOWHERE: Final = {"org_id": "missing"}
MEMBER: Final = {"org_id": "organization", "user_id": "colleague"}
NO_MEMBER: Final = {"org_id": "organization", "user_id": "missing"}
NOWHERES_MEMBER: Final = {"org_id": "missing", "user_id": "colleague"}
ONE_ORGANIZATION: Final = f"{V1}/organizations/{{org_id}}"
ONE_MEMBER: Final = f"{ONE_ORGANIZATION}/members/{{user_id}}"
NEW_MEMBER: Final = {"user_id": "{newcomer}"}

ORGANIZATIONS: Final = [
    Row(route=f"GET {V1}/organizations/", expected=signed_in(200)),
    Row(route=f"POST {V1}/organizations/", body=NAMED, expected=signed_in(201)),
    Row(route=f"GET {ONE_ORGANIZATION}", ids=ORGANIZATION, expected=members(200, others=403)),
    Row(route=f"GET {ONE_ORGANIZATION}", ids=NOWHERE, expected=superusers(404)),
    Row(route=f"PATCH {ONE_ORGANIZATION}", ids=ORGANIZATION, body=NAMED, expected=managers(200)),
    Row(route=f"PATCH {ONE_ORGANIZATION}", ids=NOWHERE, body=NAMED, expected=superusers(404)),
    Row(route=f"GET {ONE_ORGANIZATION}/members", ids=ORGANIZATION, expected=managers(200)),
    Row(route=f"GET {ONE_ORGANIZATION}/members", ids=NOWHERE, expected=superusers(404)),
    Row(
        route=f"POST {ONE_ORGANIZATION}/members",
        ids=ORGANIZATION,
        body=NEW_MEMBER,
        expected=managers(201),
    ),
    Row(
        route=f"POST {ONE_ORGANIZATION}/members",
        ids=NOWHERE,
        body=NEW_MEMBER,
        expected=superusers(404),
    ),
    Row(route=f"GET {ONE_MEMBER}", ids=MEMBER, expected=managers(200)),
    Row(route=f"GET {ONE_MEMBER}", ids=NO_MEMBER, expected=managers(404)),
    Row(route=f"GET {ONE_MEMBER}", ids=NOWHERES_MEMBER, expected=superusers(404)),
    Row(route=f"PATCH {ONE_MEMBER}", ids=MEMBER, body={"role": "admin"}, expected=managers(200)),
    Row(route=f"PATCH {ONE_MEMBER}", ids=NO_MEMBER, body={"role": "admin"}, expected=managers(404)),
    Row(
        route=f"PATCH {ONE_MEMBER}",
        ids=NOWHERES_MEMBER,
        body={"role": "admin"},
        expected=superusers(404),
    ),
    Row(route=f"DELETE {ONE_MEMBER}", ids=MEMBER, expected=managers(204)),
    Row(route=f"DELETE {ONE_MEMBER}", ids=NO_MEMBER, expected=managers(404)),
    Row(route=f"DELETE {ONE_MEMBER}", ids=NOWHERES_MEMBER, expected=superusers(404)),
]

RESOURCE: Final = {"resource_id": "resource"}
NO_RESOURCE: Final = {"resource_id": "missing"}
ONE_RESOURCE: Final = f"{V1}/media-resources/{{resource_id}}"
PICTURE: Final = {"filename": "a.webp", "content_type": "image/webp"}

MEDIA: Final = [
    Row(route=f"POST {V1}/uploads/presigned-url", body=PICTURE, expected=signed_in(200)),
    Row(
        route=f"POST {V1}/uploads/presigned-url",
        body=PICTURE | {"organization_id": "{organization}"},
        expected=members(200, others=403),
    ),
    Row(
        route=f"POST {V1}/uploads/presigned-url",
        body=PICTURE | {"organization_id": "{missing}"},
        expected=superusers(404),
    ),
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
    # The local store is closed unless it is the one in use; its tokens are its permission.
    Row(route=f"PUT {V1}/uploads/local/{{token}}", expected=everyone(404)),
    Row(route="GET /local-store/{key}", expected=everyone(404)),
]

MINE: Final = f"{V1}/users/me/export-configuration"
USERS: Final = f"{V1}/users/{{user_id}}/export-configuration"
ORGANIZATIONS_OWN: Final = f"{V1}/users/organizations/{{org_id}}/export-configuration"
ONE_CONFIGURATION: Final = f"{V1}/users/export-configurations/{{config_id}}"
OF_PLAIN: Final = {"user_id": "plain"}
CONFIGURATION: Final = {"config_id": "configuration"}
NO_CONFIGURATION: Final = {"config_id": "missing"}


def owners_of_configuration(status: int) -> Statuses:
    """Those who have a configuration of their own; the others have none to be found."""
    return (401, 401, status, 404, 404, 404, 404, status)


def plain_user(status: int) -> Statuses:
    """The plain user, and superusers."""
    return (401, 401, status, *(403,) * 4, status)


def managers_of_organization(status: int) -> Statuses:
    """Who may change the organization's configuration, which its members see."""
    return (401, 401, 404, 403, status, status, 404, status)


def _all_configurations(path: str) -> list[Row]:
    """Return the rows of the list of all configurations, in one of its spellings."""
    scope, nowhere = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {path}", expected=signed_in(200)),
        Row(route=f"POST {path}", body={}, expected=signed_in(201)),
        Row(route=f"POST {path}", query=scope, body={}, expected=managers(201)),
        Row(route=f"POST {path}", query=nowhere, body={}, expected=superusers(404)),
        Row(
            route=f"POST {path}",
            body={"organization_id": "{organization}"},
            expected=managers(201),
        ),
    ]


def _first_configuration(path: str, ids: dict[str, str], **who: Statuses) -> list[Row]:
    """Return the rows of the routes that speak of an owner's first configuration."""
    return [
        Row(route=f"GET {path}", ids=ids, expected=who["read"]),
        Row(route=f"POST {path}", ids=ids, body={}, expected=who["create"]),
        Row(route=f"PATCH {path}", ids=ids, body=NAMED, expected=who["change"]),
        Row(route=f"DELETE {path}", ids=ids, expected=who["delete"]),
    ]


def _rows_of_missing_owner(path: str, ids: dict[str, str]) -> list[Row]:
    """Return the rows for an owner who does not exist."""
    not_found = superusers(404)
    return _first_configuration(
        path, ids, read=not_found, create=not_found, change=not_found, delete=not_found
    )


EXPORTS: Final = [
    *_all_configurations(f"{V1}/export-configuration/"),
    *_all_configurations("/export-configuration/"),
    Row(route=f"GET {MINE}s", expected=signed_in(200)),
    *_first_configuration(
        MINE,
        {},
        read=owners_of_configuration(200),
        create=signed_in(201),
        change=owners_of_configuration(200),
        delete=owners_of_configuration(204),
    ),
    *_first_configuration(
        USERS,
        OF_PLAIN,
        read=plain_user(200),
        create=plain_user(201),
        change=plain_user(200),
        delete=plain_user(204),
    ),
    *_rows_of_missing_owner(USERS, NOBODY),
    Row(
        route=f"GET {ORGANIZATIONS_OWN}s",
        ids=ORGANIZATION,
        expected=members(200, others=403),
    ),
    Row(route=f"GET {ORGANIZATIONS_OWN}s", ids=NOWHERE, expected=superusers(404)),
    *_first_configuration(
        ORGANIZATIONS_OWN,
        ORGANIZATION,
        read=members(200, others=403),
        create=managers(201),
        change=managers(200),
        delete=managers(200),
    ),
    *_rows_of_missing_owner(ORGANIZATIONS_OWN, NOWHERE),
    Row(route=f"GET {ONE_CONFIGURATION}", ids=CONFIGURATION, expected=members(200, others=404)),
    Row(route=f"GET {ONE_CONFIGURATION}", ids=NO_CONFIGURATION, expected=signed_in(404)),
    Row(
        route=f"PATCH {ONE_CONFIGURATION}",
        ids=CONFIGURATION,
        body=NAMED,
        expected=managers_of_organization(200),
    ),
    Row(
        route=f"PATCH {ONE_CONFIGURATION}",
        ids=NO_CONFIGURATION,
        body=NAMED,
        expected=signed_in(404),
    ),
    Row(
        route=f"DELETE {ONE_CONFIGURATION}",
        ids=CONFIGURATION,
        expected=managers_of_organization(200),
    ),
    Row(route=f"DELETE {ONE_CONFIGURATION}", ids=NO_CONFIGURATION, expected=signed_in(404)),
    *(
        Row(
            route=f"GET {V1}/{path}/{{entity_id}}/export-configuration",
            ids={"entity_id": target},
            expected=expected,
        )
        for path, kind in (
            ("looks", "look"),
            ("guidelines", "guideline"),
            ("production-requests", "request"),
        )
        for target, expected in (
            (kind, members(200, others=404)),
            ("missing", signed_in(404)),
        )
    ),
    Row(route=f"GET {V1}/metadata-adapters/", expected=signed_in(200)),
    Row(
        route=f"GET {V1}/metadata-adapters/",
        query="?organization_id={organization}",
        expected=members(200, others=403),
    ),
    Row(
        route=f"GET {V1}/metadata-adapters/",
        query="?organization_id={missing}",
        expected=superusers(404),
    ),
    Row(route=f"GET {V1}/metadata-adapters/template-wildcards", expected=signed_in(200)),
    Row(
        route=f"PUT {V1}/metadata-adapters/{{code}}/visibility",
        body={"is_public": True, "organization_ids": []},
        expected=superusers(200),
    ),
    Row(
        route=f"PUT {V1}/metadata-adapters/{{code}}/visibility",
        ids={"code": "missing"},
        body={"is_public": True, "organization_ids": []},
        expected=superusers(404),
    ),
]
RUNS: Final = f"{V1}/exports/"
ONE_RUN: Final = f"{V1}/exports/{{run_id}}"
RUN: Final = {"run_id": "run"}
NO_RUN: Final = {"run_id": "missing"}


def _selecting(route: str, status: int) -> list[Row]:
    """Return the rows of a route that takes what is to be exported."""
    selections = [
        {"production_request_id": "{request}"},
        {"look_ids": ["{look}"]},
        {"product_ids": ["{product}"]},
        {"product_ids": ["{product}"], "export_configuration_id": "{configuration}"},
    ]
    missing = {"product_ids": ["{missing}"]}
    return [
        *(Row(route=route, body=each, expected=members(status, others=422)) for each in selections),
        Row(route=route, body=missing, expected=signed_in(422)),
    ]


EXPORT_RUNS: Final = [
    Row(route=f"GET {RUNS}", expected=signed_in(200)),
    Row(
        route=f"GET {RUNS}",
        query="?organization_id={organization}",
        expected=members(200, others=403),
    ),
    Row(route=f"GET {RUNS}", query="?organization_id={missing}", expected=superusers(404)),
    *_selecting(f"POST {RUNS}", 202),
    *_selecting(f"POST {RUNS}preview", 200),
    Row(route=f"GET {ONE_RUN}", ids=RUN, expected=members(200, others=404)),
    Row(route=f"GET {ONE_RUN}", ids=NO_RUN, expected=signed_in(404)),
    Row(route=f"GET {ONE_RUN}/download", ids=RUN, expected=members(302, others=404)),
    Row(
        route=f"GET {ONE_RUN}/download",
        ids={"run_id": "running"},
        expected=members(409, others=404),
    ),
    Row(
        route=f"GET {ONE_RUN}/download",
        ids={"run_id": "expired"},
        expected=members(410, others=404),
    ),
    Row(route=f"GET {ONE_RUN}/download", ids=NO_RUN, expected=signed_in(404)),
]
JOB: Final = {"job_id": "job"}
NO_JOB: Final = {"job_id": "missing"}
TABLE: Final = {"file": "sku,name\nS-1,Shoe\n"}


def _bulk_rows(root: str) -> list[Row]:
    """Return the rows of the bulk uploads, which answer under two roots."""
    many, one = f"{root}/bulk-upload/", f"{root}/bulk-upload/{{job_id}}"
    organizations, nowhere = {"organization_id": "{organization}"}, {"organization_id": "{missing}"}
    in_theirs, in_nowhere = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {many}", expected=signed_in(200)),
        Row(route=f"GET {many}", query=in_theirs, expected=members(200, others=403)),
        Row(route=f"GET {many}", query=in_nowhere, expected=superusers(404)),
        Row(route=f"POST {many}", parts=TABLE, expected=signed_in(202)),
        Row(route=f"POST {many}", parts=TABLE | organizations, expected=members(202, others=403)),
        Row(route=f"POST {many}", parts=TABLE | nowhere, expected=superusers(404)),
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
        # The world's job has ended.
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

ROWS: Final = [*ACCOUNTS, *ORGANIZATIONS, *CATALOG, *MEDIA, *EXPORTS, *EXPORT_RUNS, *BULK, *OPEN]
