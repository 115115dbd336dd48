"""The tracked files of the checkout, for tests about the source itself."""

import subprocess
from functools import cache
from pathlib import Path

from devstack.folders import CHECKOUT


@cache
def tracked_files() -> list[Path]:
    """Return every file that Git tracks, relative to the checkout."""
    listing = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    return [Path(line) for line in listing.splitlines() if (CHECKOUT / line).exists()]


def python_files() -> list[Path]:
    """Return every tracked module except the migrations, which Django generates."""
    return [
        path for path in tracked_files() if path.suffix == ".py" and "migrations" not in path.parts
    ]
