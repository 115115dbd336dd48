"""Helpers that read the deployment files, for their tests."""

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import yaml

from devstack.folders import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENV_LINE = re.compile(r"^(# )?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def env_lines() -> dict[str, tuple[bool, str]]:
    """Return the variables of env.example; for each, whether it is commented out, and its value."""
    text = (DEPLOY / "env.example").read_text()
    return {name: (bool(comment), value) for comment, name, value in ENV_LINE.findall(text)}


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile as pairs of a name and its arguments."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def last_arguments(instruction: str) -> str:
    """Return the arguments of the last instruction with this name."""
    return [arguments for name, arguments in instructions() if name == instruction][-1]


def container_variables(**variables: str) -> dict[str, str]:
    """Return the environment variables of a container, with this interpreter first in PATH."""
    return {
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "DJANGO_SETTINGS_MODULE": "sartiq.settings.production",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }


def run(command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> str:
    result = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=240
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def is_ignored(relative: str, *, rules: Sequence[str]) -> bool:
    """Return whether rules of .dockerignore exclude a path: the last matching rule decides."""
    steps = relative.split("/")
    prefixes = ["/".join(steps[: end + 1]) for end in range(len(steps))]
    result = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        if pattern.startswith("**/"):
            matches = pattern.removeprefix("**/") in steps
        else:
            matches = any(
                fnmatch(prefix, pattern) and prefix.count("/") == pattern.count("/")
                for prefix in prefixes
            )
        if matches:
            result = not rule.startswith("!")
    return result


def command_of(instruction: str) -> list[str]:
    """Return the command of an instruction of the Dockerfile, which is written as a JSON list."""
    command: list[str] = json.loads(re.sub(r"^.*?(?=\[)", "", last_arguments(instruction)))
    return command


def with_local_values(argument: str, local_values: Mapping[str, str]) -> str:
    """Return an argument with the paths and addresses of a container replaced by local ones."""
    for in_container, local in local_values.items():
        argument = argument.replace(in_container, local)
    return argument


def status_of(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0
