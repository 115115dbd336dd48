import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Take back what `nohup` has this run ignore; what the tests start inherits it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
