import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sartiq.core.limits import request_limits
from sartiq.core.limits.request_limits import RequestLimits, limited, map_in_threads


def new_limits(seconds: float = 5) -> RequestLimits:
    return RequestLimits(
        seconds, take_permit=lambda _limits: True, return_permit=lambda _limits: None
    )


def test_outside_a_request_nothing_is_limited() -> None:
    request_limits.extend(timedelta(seconds=1))
    request_limits.extend_and_take_permit(timedelta(seconds=1))

    assert request_limits.current() is None


def test_a_deadline_is_extended_from_the_start_and_never_shortened() -> None:
    limits = new_limits(seconds=5)
    start = limits.ends - 5

    with limited(limits):
        request_limits.extend(timedelta(seconds=20))
        request_limits.extend(timedelta(seconds=10))

    assert limits.ends == start + 20
    assert 19 < limits.remaining() <= 20
    assert abs(start - time.monotonic()) < 1


def test_threads_of_a_request_have_its_limits() -> None:
    limits = new_limits()

    with ThreadPoolExecutor(2) as pool, limited(limits):
        limits_in_threads = map_in_threads(pool, lambda _item: request_limits.current(), [1, 2, 3])
        limits_outside = pool.submit(request_limits.current).result()

    assert limits_in_threads == [limits] * 3
    assert limits_outside is None
