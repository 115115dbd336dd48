"""Folders for the bytes under way; a killed worker's are removed by whoever comes later."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "sartiq-export-"
ABANDONED_AFTER: Final = 3600.0  # seconds; no task lives that long


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards."""
    remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as made:
        yield Path(made)


def remove_abandoned() -> int:
    """Remove the folders of workers that died; return how many."""
    oldest = time.time() - ABANDONED_AFTER
    left = [each for each in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _made(each) < oldest]
    for each in left:
        shutil.rmtree(each, ignore_errors=True)
    return len(left)


def _made(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # its owner was faster
        return time.time()
