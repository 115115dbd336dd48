from threading import Event

from structlog.testing import capture_logs

from sartiq.core.limits.breaker import Breaker


class Dependency:
    """A dependency whose probes wait until a test lets them return."""

    def __init__(self, *results: bool) -> None:
        self.results = list(results)
        self.may_return = Event()
        self.probed = Event()

    def probe(self) -> bool:
        self.may_return.wait(10)
        result = self.results.pop(0)
        if not self.results:
            self.probed.set()
        return result


def closed_again(breaker: Breaker) -> bool:
    is_closed = Event()
    for _ in range(1000):
        if not breaker.is_open:
            return True
        is_closed.wait(0.005)
    return False


def test_it_opens_after_failures_in_a_row() -> None:
    dependency = Dependency(True)
    breaker = Breaker("store", probe=dependency.probe, max_failures=3, interval=0)

    for _ in range(2):
        breaker.record_failure()
    breaker.record_success()
    for _ in range(2):
        breaker.record_failure()
    was_open_after_two = breaker.is_open
    breaker.record_failure()

    assert (was_open_after_two, breaker.is_open) == (False, True)
    dependency.may_return.set()
    assert closed_again(breaker)


def test_it_closes_when_a_probe_succeeds_and_counts_from_zero() -> None:
    dependency = Dependency(False, False, True)
    breaker = Breaker("store", probe=dependency.probe, max_failures=2, interval=0)
    breaker.open()
    breaker.open()  # starts no second thread: there would be no result for it
    dependency.may_return.set()

    assert dependency.probed.wait(10)
    assert closed_again(breaker)
    breaker.record_failure()
    assert not breaker.is_open


def test_the_log_names_the_dependency_once() -> None:
    dependency = Dependency(True)
    breaker = Breaker("store", probe=dependency.probe, max_failures=1, interval=0)

    with capture_logs() as logs:
        breaker.record_failure()
        breaker.record_failure()

    dependency.may_return.set()
    assert closed_again(breaker)
    assert [(line["event"], line["dependency"]) for line in logs] == [
        ("dependency_unavailable", "store")
    ]


def test_a_probe_with_a_bug_does_not_keep_it_open() -> None:
    def probe() -> bool:
        raise KeyError

    breaker = Breaker("store", probe=probe, max_failures=1)
    breaker.open()

    assert closed_again(breaker)
