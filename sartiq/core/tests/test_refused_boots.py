"""Web, worker and beat, as real processes, refuse to start with invalid settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from devstack.folders import CHECKOUT
from devstack.process.ports import free_port
from sartiq import server
from sartiq.core.checks import require_valid_settings
from sartiq.settings.tests.test_production import COMPLETE, S3_ONLY

CELERY = ("celery", "-A", "sartiq.celery")
PROGRAMS = {
    "web": ("sartiq.server", "--workers", "1"),
    "worker": (*CELERY, "worker", "--pool", "solo"),
    "beat": (*CELERY, "beat", "--pidfile", ""),
}
# Values that the settings accept and only a system check rejects.
INVALID_SETTINGS = "from sartiq.settings.production import *\nTIME_ZONE = 'Europe/Oslo'\n"


def boot(program: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "web": ["--port", str(free_port())],
        "beat": ["--schedule", str(folder / "schedule")],
    }
    name, *arguments = PROGRAMS[program]
    return subprocess.run(
        [sys.executable, "-m", name, *arguments, *variables.get(program, [])],
        cwd=CHECKOUT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{CHECKOUT}:{folder}",
            "DJANGO_SETTINGS_MODULE": "sartiq.settings.production",
            **COMPLETE,
            "BROKER_URL": "redis://127.0.0.1:9/0",  # nothing listens there
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


SETTINGS = {
    "R2_PRIVATE_BUCKET_NAME": "media",
    "STORAGE": "gcs",
    "TASK_TIME_LIMIT": "900",
}
SYSTEM_CHECKS = {
    "DJANGO_SETTINGS_MODULE": "unsound",
    "STORAGE": "local",
    "LOCAL_STORE_DIR": "/dev/null/store",
    **dict.fromkeys(S3_ONLY, ""),  # the local store needs none of them
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("env", "reasons"),
    [
        (
            SETTINGS,
            [
                "R2_PRIVATE_BUCKET_NAME is the same bucket",
                "STORAGE is 'gcs'",
                "VISIBILITY_TIMEOUT must be above TASK_TIME_LIMIT",
            ],
        ),
        (
            SYSTEM_CHECKS,
            [
                "TIME_ZONE must be UTC",
                "LOCAL_STORE_DIR (/dev/null/store) is not a folder",
            ],
        ),
    ],
    ids=["settings", "system checks"],
)
def test_invalid_settings_stop_every_process(
    tmp_path: Path, program: str, env: dict[str, str], reasons: list[str]
) -> None:
    (tmp_path / "unsound.py").write_text(INVALID_SETTINGS)

    result = boot(program, tmp_path, **env)

    assert result.returncode != 0
    assert [reason for reason in reasons if reason not in result.stdout + result.stderr] == []


def test_an_unusable_temporary_folder_fails_the_checks_of_every_process(settings: Settings) -> None:
    settings.TEMPORARY_DIR = "/dev/null"

    with pytest.raises(SystemExit, match=r"TEMPORARY_DIR \(/dev/null\) cannot be written to"):
        require_valid_settings()


def test_an_unusable_temporary_folder_stops_a_worker(tmp_path: Path) -> None:
    result = boot("worker", tmp_path, TEMPORARY_DIR="/dev/null")

    assert result.returncode != 0
    assert "TEMPORARY_DIR (/dev/null) cannot be written to" in result.stdout + result.stderr


@pytest.mark.parametrize("count", ["two", "0", "65", "1_0", "-1"])
def test_an_invalid_number_of_web_processes_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["sartiq.server"])
    monkeypatch.setenv("GRANIAN_WORKERS", count)

    with pytest.raises(SystemExit) as excinfo:
        server.main()

    assert excinfo.value.code == 2
    assert f"'{count}' is not a whole number from 1 to 64" in capsys.readouterr().err
