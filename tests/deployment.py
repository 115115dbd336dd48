"""What the deployment files say, read for their tests."""

import re
import sysconfig
from pathlib import Path
from typing import Any

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
