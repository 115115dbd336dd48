import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sartiq.settings.environment import Production

CHECKOUT = Path(__file__).parents[3]
COMPLETE = {
    "SECRET_KEY": "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "files.sartiq.example",
    "ENVIRONMENT_NAME": "production",
    "DATABASE_URL": "postgres://sartiq@database/sartiq",
    "BROKER_URL": "redis://broker/0",
    "PUBLIC_BASE_URL": "https://files.sartiq.example",
    "S3_ENDPOINT_URL": "https://store.example",
    "S3_ACCESS_KEY_ID": "access",
    "S3_SECRET_ACCESS_KEY": "secret",
    "R2_BUCKET_NAME": "media",
    "R2_PRIVATE_BUCKET_NAME": "private",
    "R2_PUBLIC_URL": "https://cdn.example",
}
UNSAFE = {  # values, and why they are refused
    "SECRET_KEY": ("s" * 31, "SECRET_KEY is shorter than 32 bytes"),
    "ALLOWED_HOSTS": ("*", "ALLOWED_HOSTS must name the hosts"),
    "PROXY_COUNT": ("-1", "PROXY_COUNT is '-1'. Allowed: a whole number from 0 to 10."),
    "STORAGE": ("gcs", "STORAGE is 'gcs'. Allowed: s3 or local."),
    "DATABASE_URL": ("mysql://u:hidden-word@h/d", "DATABASE_URL has an unknown scheme"),
}
S3_ONLY = sorted(name for name in COMPLETE if name.startswith(("S3_", "R2_")))


def boot(env: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Start Django with nothing but `env`, as a container would."""
    return subprocess.run(
        [sys.executable, *(command or ("-c", "import django; django.setup()"))],
        cwd=CHECKOUT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "sartiq.settings.production",
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def set_environment(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Set these variables of the product, and no others, in this process."""
    for name in Production.model_fields:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_complete_environment_boots_and_passes_the_deployment_checks() -> None:
    result = boot(COMPLETE, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_is_refused_and_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    set_environment(monkeypatch, {**COMPLETE, name: ""})

    with pytest.raises(ImproperlyConfigured, match=f"Set {name}; deploy/env.example"):
        Production.read()


def test_missing_settings_prevent_the_start_and_are_named() -> None:
    result = boot({})

    assert result.returncode == 1
    assert [
        name for name in COMPLETE if f"Set {name}; deploy/env.example" not in result.stderr
    ] == []


def test_unsafe_settings_prevent_the_start() -> None:
    result = boot({**COMPLETE, **{name: value for name, (value, _) in UNSAFE.items()}})

    assert result.returncode == 1
    assert [reason for _, reason in UNSAFE.values() if reason not in result.stderr] == []
    assert "hidden-word" not in result.stderr


def test_the_local_store_needs_no_settings_of_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name: value for name, value in COMPLETE.items() if name not in S3_ONLY}
    set_environment(monkeypatch, {**variables, "STORAGE": "local"})

    assert Production.read().STORAGE == "local"
