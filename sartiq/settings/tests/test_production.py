import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_complete_environment_boots_and_passes_the_deployment_checks() -> None:
    done = boot(COMPLETE, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_prevents_the_start_and_is_named(name: str) -> None:
    done = boot({**COMPLETE, name: ""})

    assert done.returncode == 1
    assert f"Set {name}; deploy/env.example" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SECRET_KEY", "s" * 31, "SECRET_KEY is shorter than 32 bytes"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS must name the hosts"),
        ("PROXY_COUNT", "-1", "PROXY_COUNT is '-1'. Allowed: a whole number from 0 to 10."),
        ("STORAGE", "gcs", "STORAGE is 'gcs'. Allowed: s3 or local."),
        ("DATABASE_URL", "mysql://u:hidden-word@h/d", "DATABASE_URL has an unknown scheme"),
    ],
)
def test_an_unsafe_setting_prevents_the_start(name: str, value: str, reason: str) -> None:
    done = boot({**COMPLETE, name: value})

    assert done.returncode == 1
    assert reason in done.stderr
    assert "hidden-word" not in done.stderr


def test_the_local_store_needs_no_settings_of_s3() -> None:
    variables = {name: value for name, value in COMPLETE.items() if name not in S3_ONLY}

    done = boot({**variables, "STORAGE": "local"})

    assert done.returncode == 0, done.stderr
