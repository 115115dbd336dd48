"""The contents of the deployment files; `test_deploy_commands` runs their commands."""

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
    last_arguments,
)

PRODUCT_SERVICES = {"web", "worker", "beat", "setup"}
INTERPOLATED = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)")
READ_BY_THE_SERVER = {"GRANIAN_WORKERS": "2"}
READ_ONLY_BY_COMPOSE = {"POSTGRES_PASSWORD", "COMPOSE_PROFILES"}
SET_BY_COMPOSE = {"DATABASE_URL", "BROKER_URL"}
ENV_SPELLINGS = {"[]": "", "True": "true", "False": "false"}  # of default values


def defaults() -> dict[str, str]:
    """Return the variables that the settings read, with their defaults; empty without one."""
    fields = Production.model_fields
    return {
        name: ""
        if field.is_required()
        else ENV_SPELLINGS.get(str(field.default), str(field.default))
        for name, field in fields.items()
    } | {
        **{name: "" for name, field in fields.items() if field.default_factory},
        **READ_BY_THE_SERVER,
    }


def test_env_example_lists_exactly_the_variables_that_are_read() -> None:
    assert set(env_lines()) == set(defaults()) | READ_ONLY_BY_COMPOSE
    names = [name for _, name, _ in ENV_LINE.findall((DEPLOY / "env.example").read_text())]
    assert len(names) == len(set(names))


def test_env_example_has_the_real_defaults() -> None:
    commented_variables = {
        name: value for name, (commented, value) in env_lines().items() if commented
    }
    all_defaults = defaults() | {
        name: Environment.model_fields[name].default for name in SET_BY_COMPOSE
    }

    assert commented_variables == {name: all_defaults[name] for name in commented_variables}


def test_env_example_has_no_secret() -> None:
    lines = env_lines()
    secrets = ("SECRET_KEY", "POSTGRES_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")

    assert [lines[name] for name in secrets] == [(False, "")] * 4


# --- Dockerfile ------------------------------------------------------------------------------


def test_the_dockerfile_passes_the_linter() -> None:
    result = subprocess.run(
        [SCRIPTS / "hadolint", "--no-color", "Dockerfile"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stdout) == (0, "")


def test_the_image_runs_unprivileged_and_is_built_from_hashes() -> None:
    assert last_arguments("USER") == "10001"
    assert last_arguments("STOPSIGNAL") == "SIGTERM"
    assert "--require-hashes --only-binary :all:" in pip_line()
    base_images = {rest.split()[0] for name, rest in instructions() if name == "FROM"}
    assert len(base_images) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-trixie", base_images.pop())


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_packages_of_the_image_can_be_installed(machine: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(pip_line())
    arguments[arguments.index("/build/requirements.txt")] = "requirements.txt"
    platform_options = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(41, 4, -1)]
    platform_options += [f"--platform=manylinux{year}_{machine}" for year in ("2014", "2010", "1")]
    platform_options += ["--implementation=cp", "--python-version=3.13"]
    platform_options += [f"--abi={abi}" for abi in ("cp313", "abi3", "none")]

    result = subprocess.run(
        [
            *(sys.executable, "-m", program, *arguments, *platform_options),
            *("--quiet", "--dry-run", "--ignore-installed", "--target", tmp_path),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert not list(tmp_path.iterdir())


def pip_line() -> str:
    """Return the command that installs the packages, without the path of its program."""
    lines = [
        arguments
        for name, arguments in instructions()
        if name == "RUN" and "pip install" in arguments
    ]
    assert len(lines) == 1
    return lines[0].removeprefix("/opt/venv/bin/")


# --- compose.yaml ----------------------------------------------------------------------------


def test_compose_describes_the_whole_product() -> None:
    assert set(SERVICES) == PRODUCT_SERVICES | {"postgres", "valkey", "seaweedfs"}
    assert SERVICES["postgres"]["image"].startswith("postgres:18")
    assert SERVICES["valkey"]["image"].startswith("valkey/valkey:9")
    for name in PRODUCT_SERVICES:
        assert SERVICES[name]["env_file"] == ".env"
        assert SERVICES[name]["build"] == ".."
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        # A stuck worker exits by itself, so it must be restarted after any exit.
        policy = "no" if name == "setup" else "unless-stopped"
        assert SERVICES[name]["restart"] == policy


def test_services_wait_for_their_dependencies() -> None:
    dependencies = {name: SERVICES[name]["depends_on"] for name in PRODUCT_SERVICES}

    for name in PRODUCT_SERVICES - {"setup"}:
        assert dependencies[name]["setup"] == {"condition": "service_completed_successfully"}
        for service in ("postgres", "valkey"):
            assert dependencies[name][service] == {"condition": "service_healthy"}
    assert set(dependencies["setup"]) == {"postgres", "seaweedfs"}


def test_the_object_store_can_be_changed_in_the_env_file() -> None:
    profiles = {
        name: SERVICES[name]["profiles"] for name in SERVICES if "profiles" in SERVICES[name]
    }

    assert profiles == {"seaweedfs": ["seaweedfs"]}
    assert env_lines()["COMPOSE_PROFILES"] == (False, "seaweedfs")
    # Without the profile no service waits for the store, whose address comes from .env.
    for name in PRODUCT_SERVICES:
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
    services_with_check = {
        name for name in SERVICES if SERVICES[name].get("healthcheck", {}).get("test")
    }
    if any(name == "HEALTHCHECK" for name, _ in instructions()):
        services_with_check.add("web")

    assert services_with_check == set(SERVICES) - {"setup"}


def test_ports_are_published_on_loopback_only_and_data_in_named_volumes() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]

    assert sorted(ports) == ["127.0.0.1:8000:8000", "127.0.0.1:8333:8333"]
    assert {volume.split(":")[0] for volume in volumes} == set(COMPOSE["volumes"])


def test_compose_uses_only_variables_of_env_example() -> None:
    names = set(INTERPOLATED.findall((DEPLOY / "compose.yaml").read_text()))

    assert names <= {name for name, (commented, _) in env_lines().items() if not commented}


def test_the_broker_never_evicts_and_keeps_its_queue() -> None:
    command = " ".join(SERVICES["valkey"]["command"])

    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command
