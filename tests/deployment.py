"""What the deployment files say, read for their tests."""

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
    """Return of each line whether it is a comment, and its value."""
    text = (DEPLOY / "env.example").read_text()
    return {name: (bool(mark), value) for mark, name, value in ENV_LINE.findall(text)}


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, continued lines joined."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def last(instruction: str) -> str:
    """Return what the last instruction of that name says."""
    return [rest for name, rest in instructions() if name == instruction][-1]


def bare_env(**more: str) -> dict[str, str]:
    """Return an environment as empty as a container's, with this interpreter first."""
    return {
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "DJANGO_SETTINGS_MODULE": "sartiq.settings.production",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def run(command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ignored(relative: str, *, rules: Sequence[str]) -> bool:
    """Return what .dockerignore says of a path: the last rule that matches decides."""
    steps = relative.split("/")
    prefixes = ["/".join(steps[: end + 1]) for end in range(len(steps))]
    verdict = False
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
            verdict = not rule.startswith("!")
    return verdict


def in_list(instruction: str) -> list[str]:
    """Return the command an instruction of the Dockerfile gives as a list."""
    words: list[str] = json.loads(re.sub(r"^.*?(?=\[)", "", last(instruction)))
    return words


def with_local_places(word: str, places: Mapping[str, str]) -> str:
    """Return the word with the places of a container put where this test has them."""
    for there, here in places.items():
        word = word.replace(there, here)
    return word


def status_of(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0
