"""Stop signals to a launcher, also while it is starting a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.folders import CHECKOUT, lock_folder

SIGNAL_DURING_START = """
import os, signal, sys
from pathlib import Path
from devstack.process.child import Child, outcome
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.process.stop_signals import raise_if_stop_requested

stop_on_signals()
raise_if_stop_requested()
send_signals = lambda: [os.kill(os.getpid(), n) for n in (signal.SIGTERM, signal.SIGINT)]
os.register_at_fork(**{sys.argv[2]: send_signals})  # Python ignores exceptions raised there
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
child = Child(name="c", command=sleep, log=Path(sys.argv[1]))
try:
    child.start()
    print("started", child.pid, flush=True)
    child.wait_until(lambda: False)
except StopRequestedError:
    send_signals()  # must not interrupt the stop
    child.stop()
    raise_if_stop_requested()
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("moment", ["before", "after_in_parent"])
def test_a_signal_during_a_start_is_handled_when_the_process_is_recorded(
    tmp_path: Path, moment: str
) -> None:
    result = python(SIGNAL_DURING_START, str(tmp_path / "log"), moment)

    assert result.stderr == ""
    started_line, stopped_line = result.stdout.splitlines()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started_line.removeprefix("started ")), 0)
    assert stopped_line == "stopped"
    assert result.returncode == 0


SIGNAL_DURING_LOCK_WAIT = """
import os, signal, sys
from pathlib import Path
from devstack.folders import lock_folder
from devstack.process.stop_signals import StopRequestedError, stop_on_signals

stop_on_signals()
os.kill(os.getpid(), signal.SIGTERM)
try:
    lock_folder(Path(sys.argv[1]), seconds=60)
except StopRequestedError:
    print("stopped", flush=True)
"""


def test_a_signal_ends_the_wait_for_another_stack(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)

    result = python(SIGNAL_DURING_LOCK_WAIT, str(tmp_path))

    os.close(lock)
    assert (result.stdout, result.stderr) == ("stopped\n", "")


SIGNAL_DURING_COMMAND = """
import os, signal, sys
from devstack.process.child import outcome
from devstack.process.stop_signals import StopRequestedError, stop_on_signals

stop_on_signals()
command = f"import os, time; os.kill({os.getpid()}, {int(sys.argv[1])}); time.sleep(60)"
try:
    outcome([sys.executable, "-c", command], env=os.environ, death_signal=signal.SIGKILL)
except StopRequestedError:
    print("stopped", flush=True)
"""


SIGHUP_UNDER_NOHUP = """
import os, signal
from devstack.process.stop_signals import raise_if_stop_requested, stop_on_signals

signal.signal(signal.SIGHUP, signal.SIG_IGN)
stop_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
raise_if_stop_requested()
print("still running", flush=True)
"""


def test_closing_the_terminal_ends_nothing_under_nohup() -> None:
    assert python(SIGHUP_UNDER_NOHUP).stdout == "still running\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_a_command(number: signal.Signals) -> None:
    result = python(SIGNAL_DURING_COMMAND, str(int(number)))

    assert (result.stdout, result.stderr) == ("stopped\n", "")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code that can import this checkout, with a time limit."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
