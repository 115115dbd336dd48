"""Rows of the permission matrix for export configurations and exports."""

from typing import Final

from tests.api.rows import (
    NAMED,
    NO_ORGANIZATION,
    NO_USER,
    ORGANIZATION,
    V1,
    Row,
    Statuses,
    managers,
    members,
    signed_in,
    superusers,
)

MINE: Final = f"{V1}/users/me/export-configuration"


USERS: Final = f"{V1}/users/{{user_id}}/export-configuration"


ORGANIZATIONS_OWN: Final = f"{V1}/users/organizations/{{org_id}}/export-configuration"


ONE_CONFIGURATION: Final = f"{V1}/users/export-configurations/{{config_id}}"


PLAIN_USER: Final = {"user_id": "plain"}


CONFIGURATION: Final = {"config_id": "configuration"}


NO_CONFIGURATION: Final = {"config_id": "missing"}


def owners_of_configuration(status: int) -> Statuses:
    """The users who have a personal configuration: the plain user and the superuser; others 404."""
    return (401, 401, status, 404, 404, 404, 404, status)


def plain_user(status: int) -> Statuses:
    """The plain user, and superusers."""
    return (401, 401, status, *(403,) * 4, status)


def managers_of_organization(status: int) -> Statuses:
    """The organization's owners and admins, and superusers; members get 403 and others 404."""
    return (401, 401, 404, 403, status, status, 404, status)


def _all_configurations(path: str) -> list[Row]:
    """Return the rows of the list of all configurations, at one of its two paths."""
    scope, missing = "?organization_id={organization}", "?organization_id={missing}"
    return [
        Row(route=f"GET {path}", expected=signed_in(200)),
        Row(route=f"POST {path}", body={}, expected=signed_in(201)),
        Row(route=f"POST {path}", query=scope, body={}, expected=managers(201)),
        Row(route=f"POST {path}", query=missing, body={}, expected=superusers(404)),
        Row(
            route=f"POST {path}",
            body={"organization_id": "{organization}"},
            expected=managers(201),
        ),
    ]


def _first_configuration(path: str, ids: dict[str, str], **expected: Statuses) -> list[Row]:
    """Return the rows of the routes for an owner's first configuration."""
    return [
        Row(route=f"GET {path}", ids=ids, expected=expected["read"]),
        Row(route=f"POST {path}", ids=ids, body={}, expected=expected["create"]),
        Row(route=f"PATCH {path}", ids=ids, body=NAMED, expected=expected["change"]),
        Row(route=f"DELETE {path}", ids=ids, expected=expected["delete"]),
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
        PLAIN_USER,
        read=plain_user(200),
        create=plain_user(201),
        change=plain_user(200),
        delete=plain_user(204),
    ),
    *_rows_of_missing_owner(USERS, NO_USER),
    Row(
        route=f"GET {ORGANIZATIONS_OWN}s",
        ids=ORGANIZATION,
        expected=members(200, others=403),
    ),
    Row(route=f"GET {ORGANIZATIONS_OWN}s", ids=NO_ORGANIZATION, expected=superusers(404)),
    *_first_configuration(
        ORGANIZATIONS_OWN,
        ORGANIZATION,
        read=members(200, others=403),
        create=managers(201),
        change=managers(200),
        delete=managers(200),
    ),
    *_rows_of_missing_owner(ORGANIZATIONS_OWN, NO_ORGANIZATION),
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


def _rows_of_selection(route: str, status: int) -> list[Row]:
    """Return the rows of a route whose body selects what to export."""
    selections = [
        {"production_request_id": "{request}"},
        {"look_ids": ["{look}"]},
        {"product_ids": ["{product}"]},
        {"product_ids": ["{product}"], "export_configuration_id": "{configuration}"},
    ]
    missing_product = {"product_ids": ["{missing}"]}
    return [
        *(
            Row(route=route, body=selection, expected=members(status, others=422))
            for selection in selections
        ),
        Row(route=route, body=missing_product, expected=signed_in(422)),
    ]


EXPORT_RUNS: Final = [
    Row(route=f"GET {RUNS}", expected=signed_in(200)),
    Row(
        route=f"GET {RUNS}",
        query="?organization_id={organization}",
        expected=members(200, others=403),
    ),
    Row(route=f"GET {RUNS}", query="?organization_id={missing}", expected=superusers(404)),
    *_rows_of_selection(f"POST {RUNS}", 202),
    *_rows_of_selection(f"POST {RUNS}preview", 200),
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
