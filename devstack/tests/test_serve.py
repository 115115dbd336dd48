import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import pytest

from devstack.folders import remove_data
from devstack.process.child import wait_until
from devstack.process.ports import serves
from devstack.tests.traces import launched

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for all tests, because preparing an empty one takes seconds."""
    folder = tmp_path_factory.mktemp("data")
    yield folder
    remove_data(folder)


def test_serve_survives_kills_at_every_step_of_its_start_and_stops_cleanly(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data)}
    victims = ("postgres", "devstack.prepare", "sartiq.server", "worker")
    with launched("serve", env=env) as serve, ThreadPoolExecutor(len(victims)) as killers:
        kills = [killers.submit(kill_first, serve.process.pid, victim) for victim in victims]
        addresses_ = json.loads(serve.read_until("READY ").removeprefix("READY "))
        *_, killed_workers = [kill.result() for kill in kills]
        wait_until(
            lambda: bool(children_running(serve.process.pid, "worker") - killed_workers),
            what="the next worker",
            seconds=60,
        )
        pids_ = serve.descendants()
        member = addresses_["users"]["member"]
        form = {"username": member["email"], "password": member["password"]}
        response = httpx.post(
            f"{addresses_['api']}/api/v1/login/access-token", data=form, timeout=30
        )

        serve.process.send_signal(signal.SIGTERM)

        assert serve.process.wait() == 0
        assert serve.descendants() == set()
    assert response.status_code == HTTPStatus.OK
    assert set(addresses_) == {"api", "s3_endpoint", "organization_id", "users"}
    assert set(addresses_["users"]) == {"superuser", "owner", "member", "outsider"}
    assert len(pids_) > 6  # three services, web, worker, beat and their children
    assert "ended; it is started again" in capfd.readouterr().err


def test_serve_restarts_processes_that_ended_unless_they_keep_ending(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data), "STORAGE": "local"}
    with launched("serve", env=env) as serve:
        addresses_ = json.loads(serve.read_until("READY ").removeprefix("READY "))
        (beat,) = [pid for pid in serve.descendants() if is_beat(pid)]
        before = children_running(serve.process.pid, "sartiq.server")

        os.kill(beat, signal.SIGKILL)
        kill_first(serve.process.pid, "sartiq.server")

        wait_until(
            lambda: any(is_beat(pid) for pid in serve.descendants() - {beat}),
            what="the next beat",
            seconds=60,
        )
        wait_until(
            lambda: bool(children_running(serve.process.pid, "sartiq.server") - before),
            what="the next web server",
            seconds=60,
        )
        wait_until(
            lambda: serves(f"{addresses_['api']}/health/live"), what="the web server", seconds=60
        )

        def is_over() -> bool:
            for pid in serve.descendants():
                if is_beat(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            return serve.process.poll() is not None

        wait_until(is_over, what="the exit", seconds=60)

        assert serve.process.wait() == 1
        assert serve.descendants() == set()
    assert addresses_["s3_endpoint"] is None


def test_invalid_settings_are_reported_without_a_retry(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data), "STORAGE": "local", "LEASE_SECONDS": "0"}
    with launched("serve", env=env) as serve:
        assert serve.process.wait() == 1
        assert serve.descendants() == set()

    output = capfd.readouterr().err
    assert "LEASE_SECONDS is '0'. Allowed: a whole number from 1 to 3600." in output
    assert "started again" not in output
    assert "Traceback" not in output


@pytest.fixture
def _background_signals() -> Iterator[None]:
    """Ignore the signals that a shell's background jobs ignore; child processes inherit this."""
    ignored = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    yield
    for number, handler in zip(ignored, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_background_signals")
def test_killing_serve_ends_all_its_processes(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data)}
    with launched("serve", env=env) as serve:
        serve.read_until("READY ")
        assert serve.descendants()

        serve.process.kill()

        serve.process.wait()
        wait_until(lambda: not serve.descendants(), what="the exit", seconds=20)


def test_a_port_in_use_is_reported(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])

        with launched("serve", env={"PORT": port, "DEVSTACK_DIR": str(data)}) as serve:
            assert serve.process.wait() == 1

    assert f"port {port} is in use" in capfd.readouterr().err


def children_running(launcher: int, argument: str) -> set[int]:
    """Return the ids of a launcher's direct children with this argument in their command line."""
    children = psutil.Process(launcher).children()
    pids = {child.pid for child in children}
    return {pid for pid in pids if argument in map(os.path.basename, command_of(pid))}


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; empty if it has ended."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return []


def kill_first(launcher: int, argument: str) -> set[int]:
    """Wait for children with this argument, kill them and return their ids."""
    wait_until(lambda: bool(children_running(launcher, argument)), what=argument, seconds=120)
    victims = children_running(launcher, argument)
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return victims


def is_beat(pid: int) -> bool:
    return "beat" in command_of(pid)
