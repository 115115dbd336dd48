import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media.services.decoding import client


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def fresh_decoder() -> Iterator[None]:
    client.stop()
    yield
    client.stop()


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a named pipe that nobody writes to: the fork that opens it waits forever."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path
