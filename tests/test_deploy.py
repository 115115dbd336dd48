"""The deployment files as they are written; `test_deploy_commands` runs what they say."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.folders import CHECKOUT
from sartiq.settings.environment import Environment, Production
from tests.deployment import (
    COMPOSE,
    DEPLOY,
    ENV_LINE,
    SCRIPTS,
    SERVICES,
    env_lines,
    instructions,
    last,
)

OURS = {"web", "worker", "beat", "setup"}
INTERPOLATED = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)")
READ_BY_THE_SERVER = {"GRANIAN_WORKERS": "2"}
READ_BY_COMPOSE_ALONE = {"POSTGRES_PASSWORD", "COMPOSE_PROFILES"}
SET_BY_COMPOSE = {"DATABASE_URL", "BROKER_URL"}
SHOWN_AS = {"[]": "", "True": "true", "False": "false"}  # defaults in an environment's words


def defaults() -> dict[str, str]:
    """Return each variable the settings read with its default, empty when there is none."""
    fields = Production.model_fields
    return {
        name: "" if field.is_required() else SHOWN_AS.get(str(field.default), str(field.default))
        for name, field in fields.items()
    } | {
        **{name: "" for name, field in fields.items() if field.default_factory},
        **READ_BY_THE_SERVER,
    }


def test_env_example_lists_exactly_the_variables_that_are_read() -> None:
    assert set(env_lines()) == set(defaults()) | READ_BY_COMPOSE_ALONE
    names = [name for _, name, _ in ENV_LINE.findall((DEPLOY / "env.example").read_text())]
    assert len(names) == len(set(names))


def test_env_example_has_the_real_defaults() -> None:
    shown = {name: value for name, (commented, value) in env_lines().items() if commented}
    settable = defaults() | {
        name: Environment.model_fields[name].default for name in SET_BY_COMPOSE
    }

    assert shown == {name: settable[name] for name in shown}


def test_env_example_has_no_secret() -> None:
    lines = env_lines()
    secrets = ("SECRET_KEY", "POSTGRES_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")

    assert [lines[name] for name in secrets] == [(False, "")] * 4


# --- Dockerfile ------------------------------------------------------------------------------


def test_the_dockerfile_passes_the_linter() -> None:
    done = subprocess.run(
        [SCRIPTS / "hadolint", "--no-color", "Dockerfile"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_unprivileged_and_is_built_from_hashes() -> None:
    assert last("USER") == "10001"
    assert last("STOPSIGNAL") == "SIGTERM"
    assert "--require-hashes --only-binary :all:" in pip_line()
    bases = {rest.split()[0] for name, rest in instructions() if name == "FROM"}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-trixie", bases.pop())


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_packages_of_the_image_can_be_installed(machine: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(pip_line())
    arguments[arguments.index("/build/requirements.txt")] = "requirements.txt"
    foreign = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(41, 4, -1)]
    foreign += [f"--platform=manylinux{year}_{machine}" for year in ("2014", "2010", "1")]
    foreign += ["--implementation=cp", "--python-version=3.13"]
    foreign += [f"--abi={abi}" for abi in ("cp313", "abi3", "none")]

    done = subprocess.run(
        [
            *(sys.executable, "-m", program, *arguments, *foreign),
            *("--quiet", "--dry-run", "--ignore-installed", "--target", tmp_path),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


def pip_line() -> str:
    """Return the one command that installs the packages, without the folder of its program."""
    lines = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert len(lines) == 1
    return lines[0].removeprefix("/opt/venv/bin/")


# --- compose.yaml ----------------------------------------------------------------------------


def test_compose_describes_the_whole_product() -> None:
    assert set(SERVICES) == OURS | {"postgres", "valkey", "seaweedfs"}
    assert SERVICES["postgres"]["image"].startswith("postgres:18")
    assert SERVICES["valkey"]["image"].startswith("valkey/valkey:9")
    for name in OURS:
        assert SERVICES[name]["env_file"] == ".env"
        assert SERVICES[name]["build"] == ".."
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        restarts = "no" if name == "setup" else "unless-stopped"  # a deaf worker ends itself
        assert SERVICES[name]["restart"] == restarts


def test_services_wait_for_their_dependencies() -> None:
    needed = {name: SERVICES[name]["depends_on"] for name in OURS}

    for name in OURS - {"setup"}:
        assert needed[name]["setup"] == {"condition": "service_completed_successfully"}
        for service in ("postgres", "valkey"):
            assert needed[name][service] == {"condition": "service_healthy"}
    assert set(needed["setup"]) == {"postgres", "seaweedfs"}


def test_the_object_store_can_be_changed_in_the_env_file() -> None:
    profiles = {
        name: SERVICES[name]["profiles"] for name in SERVICES if "profiles" in SERVICES[name]
    }

    assert profiles == {"seaweedfs": ["seaweedfs"]}
    assert env_lines()["COMPOSE_PROFILES"] == (False, "seaweedfs")
    for name in OURS:  # without the profile nothing waits for it, and the address is .env's
        assert SERVICES[name]["depends_on"]["seaweedfs"] == {
            "condition": "service_healthy",
            "required": False,
        }
        assert set(SERVICES[name]["environment"]) == {"DATABASE_URL", "BROKER_URL"}


def test_every_container_has_limits() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        mounts = [*service.get("tmpfs", []), *service.get("volumes", [])]
        assert name == "valkey" or any("/tmp" in mount for mount in mounts), name


def test_every_service_but_setup_has_a_health_check() -> None:
    dockerfile = {"web": any(name == "HEALTHCHECK" for name, _ in instructions())}

    checked = {name for name in SERVICES if SERVICES[name].get("healthcheck", {}).get("test")}

    assert checked | {name for name, has in dockerfile.items() if has} == set(SERVICES) - {"setup"}


def test_ports_are_published_on_loopback_only_and_data_in_named_volumes() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]

    assert sorted(ports) == ["127.0.0.1:8000:8000", "127.0.0.1:8333:8333"]
    assert {volume.split(":")[0] for volume in volumes} == set(COMPOSE["volumes"])


def test_compose_fills_in_only_what_env_example_lists() -> None:
    names = set(INTERPOLATED.findall((DEPLOY / "compose.yaml").read_text()))

    assert names <= {name for name, (commented, _) in env_lines().items() if not commented}


def test_the_broker_never_evicts_and_keeps_its_queue() -> None:
    command = " ".join(SERVICES["valkey"]["command"])

    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command
