import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _default_sighup() -> Iterator[None]:
    """Do not ignore SIGHUP, as under `nohup`: the processes of the tests would ignore it too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
