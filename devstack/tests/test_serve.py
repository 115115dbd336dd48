import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from devstack.folders import remove_data
from devstack.processes import wait_until
from devstack.tests.traces import launched

pytestmark = pytest.mark.flow


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    remove_data(tmp_path)


def test_serve_answers_on_a_free_port_and_stops_without_a_trace(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data)}
    with launched("serve", env=env) as serve:
        ready = json.loads(serve.read_until("READY ").removeprefix("READY "))
        started = serve.descendants()
        member = ready["users"]["member"]
        form = {"username": member["email"], "password": member["password"]}
        answer = httpx.post(f"{ready['api']}/api/v1/login/access-token", data=form, timeout=30)

        serve.process.send_signal(signal.SIGTERM)

        assert serve.process.wait() == 0
        assert serve.descendants() == set()
    assert answer.status_code == HTTPStatus.OK
    assert set(ready) == {"api", "s3_endpoint", "organization_id", "users"}
    assert set(ready["users"]) == {"superuser", "owner", "member", "outsider"}
    assert len(started) > 6  # three services, web, worker, beat and their children


def test_serve_without_an_object_store_starts_again_what_ended(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data), "STORAGE": "local"}
    with launched("serve", env=env) as serve:
        ready = json.loads(serve.read_until("READY ").removeprefix("READY "))
        (beat,) = [pid for pid in serve.descendants() if is_beat(pid)]

        os.kill(beat, signal.SIGKILL)

        wait_until(
            lambda: any(is_beat(pid) for pid in serve.descendants() - {beat}),
            what="the next beat",
            seconds=20,
        )
        serve.process.send_signal(signal.SIGTERM)

        assert serve.process.wait() == 0
        assert serve.descendants() == set()
    assert ready["s3_endpoint"] is None


def test_serve_ends_when_a_process_ends_again_and_again(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data), "STORAGE": "local"}
    with launched("serve", env=env) as serve:
        serve.read_until("READY ")

        def is_over() -> bool:
            for pid in serve.descendants():
                if is_beat(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            return serve.process.poll() is not None

        wait_until(is_over, what="the end", seconds=60)

        assert serve.process.wait() == 1
        assert serve.descendants() == set()


@pytest.fixture
def _as_in_the_background() -> Iterator[None]:
    """Ignore what a shell lets its background jobs ignore; children inherit it."""
    ignored = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    yield
    for number, handler in zip(ignored, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_as_in_the_background")
def test_a_killed_serve_takes_everything_along(data: Path) -> None:
    env = {"PORT": "0", "DEVSTACK_DIR": str(data)}
    with launched("serve", env=env) as serve:
        serve.read_until("READY ")
        assert serve.descendants()

        serve.process.kill()

        serve.process.wait()
        wait_until(lambda: not serve.descendants(), what="the end", seconds=20)


def test_a_taken_port_is_named(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        with launched("serve", env={"PORT": port, "DEVSTACK_DIR": str(data)}) as serve:
            assert serve.process.wait() == 1

    assert f"port {port} is taken" in capfd.readouterr().err


def is_beat(pid: int) -> bool:
    try:
        return b"\0beat\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
