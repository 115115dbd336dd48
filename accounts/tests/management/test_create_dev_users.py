import json
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Membership, Organization, Role, User
from accounts.services import sessions

pytestmark = pytest.mark.django_db


@pytest.fixture
def allow_dev_users(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOW_DEV_USERS = True
    monkeypatch.delenv("DEV_USERS_PASSWORD", raising=False)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_dev_users", *arguments, stdout=out)
    return out.getvalue()


def sign_in(account: dict[str, str]) -> Any:
    form = urlencode({"username": account["email"], "password": account["password"]})
    return APIClient().post(
        "/api/v1/login/access-token", form, content_type="application/x-www-form-urlencoded"
    )


def test_the_users_can_sign_in_and_have_their_roles(allow_dev_users: None) -> None:
    output = json.loads(run("--json"))

    users = output["users"]
    assert set(output) == {"organization_id", "other_organization_id", "users"}
    assert {name: account["email"] for name, account in users.items()} == {
        "superuser": "superuser@demo.sartiq.example",
        "owner": "owner@demo.sartiq.example",
        "member": "member@demo.sartiq.example",
        "outsider": "outsider@demo.sartiq.example",
    }
    assert [sign_in(account).status_code for account in users.values()] == [200] * 4
    roles = Membership.objects.values_list("user__email", "organization_id", "role")
    assert {
        (email.partition("@")[0], str(organization_id), role)
        for email, organization_id, role in roles
    } == {
        ("owner", output["organization_id"], Role.OWNER),
        ("member", output["organization_id"], Role.MEMBER),
        ("outsider", output["other_organization_id"], Role.OWNER),
    }
    assert User.objects.get(is_superuser=True).email == users["superuser"]["email"]


def test_running_again_changes_nothing_and_ends_no_session(allow_dev_users: None) -> None:
    first = run("--json")
    owner = User.objects.with_email("owner@demo.sartiq.example").get()
    token = sessions.open_session(user=owner).access_token

    second = run("--json")

    assert second == first
    assert (User.objects.count(), Organization.objects.count()) == (4, 2)
    assert sessions.user_of(access_token=token) == owner


def test_changed_users_are_restored(allow_dev_users: None) -> None:
    output = json.loads(run("--json"))
    User.objects.update(is_active=False, is_superuser=False)
    Membership.objects.update(role=Role.MEMBER)

    run()

    assert [sign_in(account).status_code for account in output["users"].values()] == [200] * 4
    assert User.objects.filter(is_superuser=True).count() == 1
    assert Membership.objects.filter(role=Role.OWNER).count() == 2


def test_the_password_can_be_set(allow_dev_users: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_USERS_PASSWORD", "given-in-the-environment")

    output = json.loads(run("--json"))

    assert output["users"]["owner"]["password"] == "given-in-the-environment"
    assert sign_in(output["users"]["owner"]).status_code == 200


def test_a_dry_run_writes_nothing(allow_dev_users: None) -> None:
    assert "owner@demo.sartiq.example" in run("--dry-run")
    assert not User.objects.exists()


def test_known_passwords_are_refused_outside_development(settings: Settings) -> None:
    settings.ALLOW_DEV_USERS = False

    with pytest.raises(CommandError, match="known password"):
        run("--json")

    assert not User.objects.exists()
