"""Requests about organizations."""

from typing import Any

from accounts.tests.conftest import Team

ORGANIZATIONS = "/api/v1/organizations/"


FORBIDDEN = {"detail": "Not enough permissions"}


NOT_FOUND = {"detail": "Organization not found"}


UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


def issues_of(response: Any) -> set[tuple[tuple[str, ...], str]]:
    return {(tuple(issue["loc"]), issue["type"]) for issue in response.json()["detail"]}


def members_path(team: Team, user: Any = None) -> str:
    base = f"{ORGANIZATIONS}{team.organization.pk}/members"
    return base if user is None else f"{base}/{user.pk}"
