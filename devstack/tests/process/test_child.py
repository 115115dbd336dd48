import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.process.child import (
    Child,
    DevstackError,
    ProcessEndedError,
    outcome,
    wait_until,
)
from devstack.process.proc_table import is_running

STARTS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=sys.argv[1] == "new session")
print(child.pid, flush=True)
time.sleep(60)
"""
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
LAUNCHER = """
import sys, time
from pathlib import Path
from devstack.process.child import Child
child = Child(name="c", command=[sys.executable, "-c", "import time; time.sleep(60)"],
              log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def python(code: str, log: Path, *arguments: str) -> Child:
    return Child(
        name="part",
        command=[sys.executable, "-c", code, *arguments],
        log=log,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize(
    ("session", "end"),
    [
        ("same session", Child.stop),
        ("same session", Child.kill),
        ("new session", Child.kill),
    ],
)
def test_killing_a_process_kills_its_descendants(
    tmp_path: Path, session: str, end: Callable[[Child], None]
) -> None:
    child = python(STARTS_A_CHILD, tmp_path / "log", session)
    child.start()
    child.wait_until(lambda: bool(child.tail()))
    grandchild = int(child.tail())

    end(child)

    assert not child.is_alive
    assert not is_running(grandchild)


def test_a_process_that_ignores_the_stop_signal_is_killed(tmp_path: Path) -> None:
    child = python(IGNORES_SIGTERM, tmp_path / "log")
    child.start()
    child.wait_until(lambda: "ready" in child.tail())
    pid = child.pid

    child.stop(seconds=0.2)

    assert not is_running(pid)


def test_a_process_ends_when_its_launcher_is_killed(tmp_path: Path) -> None:
    launcher = python(LAUNCHER, tmp_path / "log", str(tmp_path / "inner"))
    launcher.start()
    launcher.wait_until(lambda: bool(launcher.tail()))
    child_pid = int(launcher.tail())

    os.kill(launcher.pid, signal.SIGKILL)

    wait_until(lambda: not is_running(child_pid), what="the exit", seconds=5)
    launcher.kill()


def test_a_process_that_ends_while_waited_for_is_reported_with_its_log(tmp_path: Path) -> None:
    child = python("raise SystemExit('no disk left')", tmp_path / "log")
    child.start()

    with pytest.raises(DevstackError, match=r"part ended unexpectedly(.|\n)*no disk left"):
        child.wait_until(lambda: False)

    child.stop()


@pytest.mark.parametrize(
    ("code", "by_itself"),
    [("raise SystemExit(3)", True), ("import os; os.kill(os.getpid(), 9)", False)],
)
def test_the_error_says_whether_the_process_was_killed(
    tmp_path: Path, code: str, *, by_itself: bool
) -> None:
    child = python(code, tmp_path / "log")
    child.start()
    wait_until(lambda: not child.is_alive, what="the exit", seconds=30)

    with pytest.raises(ProcessEndedError) as excinfo:
        child.require_alive()

    child.stop()
    assert (excinfo.value.name, excinfo.value.by_itself) == ("part", by_itself)


def test_a_command_is_stopped_when_a_service_has_ended(tmp_path: Path) -> None:
    service = python("", tmp_path / "log")
    service.start()
    started_at = time.monotonic()

    with pytest.raises(ProcessEndedError):
        outcome(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            env=os.environ,
            death_signal=signal.SIGKILL,
            meanwhile=service.require_alive,
        )

    service.stop()
    assert time.monotonic() - started_at < 50


def test_waiting_ends_at_its_deadline() -> None:
    with pytest.raises(DevstackError, match="the server was not ready after 0"):
        wait_until(lambda: False, what="the server", seconds=0.05)
