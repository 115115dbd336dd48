"""Errors of the S3 store when the network or the server fails, tested with a fault proxy."""

import random
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from media.errors import (
    StoreRefusedError,
    StoreUnavailableError,
)
from media.storage import time_limit
from media.storage.s3.connection import S3Connection
from media.storage.s3.store import S3Store
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import Fault, FaultProxy
from media.tests.storage.s3.operations import (
    BUDGET,
    PNG,
    SLACK,
    Operation,
    always,
    first_of_each,
    read,
)


@pytest.mark.covers("F14")
@pytest.mark.parametrize("code", [500, 503, 429, 520, 522, 524, 530, 599])
def test_a_store_that_keeps_failing_is_unavailable(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, code: int
) -> None:
    proxy.plan = always(fault_proxy.status(code))

    with pytest.raises(StoreUnavailableError) as excinfo:
        operation(patient_store, key)

    assert not isinstance(excinfo.value, StoreRefusedError)
    assert 2 <= proxy.request_counts.total() <= 3


@pytest.mark.covers("F14")
@pytest.mark.parametrize(
    "fault",
    [
        fault_proxy.status(503),
        fault_proxy.status(521),
        fault_proxy.page(525),
        fault_proxy.reset,
    ],
)
def test_a_temporary_fault_is_retried(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = first_of_each(fault)

    operation(patient_store, key)

    assert proxy.request_counts.total() >= 2


@pytest.mark.covers("F14")
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_every_result_under_random_faults_is_right_or_unavailable(
    patient_store: S3Store, proxy: FaultProxy, key: str, share: float
) -> None:
    random_source = random.Random(14)
    faults = [fault_proxy.status(503), fault_proxy.status(429), fault_proxy.reset]
    proxy.plan = lambda _m, _n: (
        random_source.choice(faults) if random_source.random() < share else None
    )

    right_count = 0
    for _ in range(10):
        try:
            assert patient_store.head(key).size == 5
            assert read(patient_store, key) == b"Hello"
            right_count += 1
        except StoreUnavailableError:
            continue

    assert right_count >= 3


@pytest.mark.covers("F15")
@pytest.mark.parametrize("fault", [fault_proxy.hang, fault_proxy.trickle_head])
def test_a_slow_store_takes_no_longer_than_the_time_limit(
    proxied_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = always(fault)
    start = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        operation(proxied_store, key)

    assert time.monotonic() - start < BUDGET.total_seconds() + SLACK


@pytest.mark.covers("F15")
def test_a_slow_body_takes_no_longer_than_the_time_limit(
    proxied_store: S3Store, proxy: FaultProxy, s3_store: S3Store, prefix: str
) -> None:
    s3_store.put(prefix + "slow", b"x" * 1000, headers=PNG)
    proxy.plan = always(fault_proxy.trickle_body)
    start = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        read(proxied_store, prefix + "slow")

    assert time.monotonic() - start < BUDGET.total_seconds() + SLACK


@pytest.mark.covers("F15")
def test_a_caller_may_set_a_shorter_time_limit(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation
) -> None:
    proxy.plan = always(fault_proxy.hang)
    start = time.monotonic()

    with time_limit(timedelta(seconds=0.3)), pytest.raises(StoreUnavailableError):
        operation(patient_store, key)

    assert time.monotonic() - start < 0.3 + SLACK


@pytest.mark.covers("F15")
def test_an_incomplete_body_is_an_error(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, prefix: str
) -> None:
    s3_store.put(prefix + "large", b"x" * 1_000_000, headers=PNG)
    proxy.plan = always(fault_proxy.cut_response_body)

    with pytest.raises(StoreUnavailableError):
        read(patient_store, prefix + "large")


@pytest.mark.covers("F15")
def test_an_unreachable_store_is_unavailable(
    connection: S3Connection, operation: Operation
) -> None:
    unreachable = replace(connection, endpoint_url="http://127.0.0.1:1")
    store = S3Store(unreachable, "sartiq-media")

    with pytest.raises(StoreUnavailableError):
        operation(store, "media/a")

    store.close()


@pytest.mark.covers("F15")
def test_signing_needs_no_store(connection: S3Connection, temp_key: str) -> None:
    unreachable = replace(connection, endpoint_url="http://127.0.0.1:1")
    store = S3Store(unreachable, "sartiq-media")

    signed = store.sign_put(
        temp_key, content_type="image/png", size=1, sha256=None, lifetime=timedelta(minutes=15)
    )

    assert temp_key in signed.url


@pytest.mark.covers("F16")
def test_a_request_whose_response_was_lost_is_retried(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str, operation: Operation
) -> None:
    proxy.plan = first_of_each(fault_proxy.drop_response)

    operation(patient_store, key)

    sizes = {listing.key: listing.size for listing in s3_store.list(key)}
    assert sizes in ({key: 5}, {key: 5, f"{key}.copy": 5}, {})
    assert proxy.request_counts.total() >= 2


@pytest.mark.covers("F16")
def test_the_bytes_are_right_after_a_lost_response(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str
) -> None:
    proxy.plan = first_of_each(fault_proxy.drop_response)

    head = patient_store.put(key, b"World", headers=PNG)
    patient_store.copy(key, f"{key}.copy", if_match=head.etag, headers=PNG)

    assert read(s3_store, key) == read(s3_store, f"{key}.copy") == b"World"
