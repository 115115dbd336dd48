"""What the S3 store does when the network or the server misbehaves, shown through a fault proxy."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from media.errors import (
    ObjectNotFoundError,
    StoreCredentialsError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.storage import ObjectHeaders, time_limit
from media.storage.s3.connection import S3Connection
from media.storage.s3.errors import translated
from media.storage.s3.store import S3Store
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import Fault, FaultProxy

PNG = ObjectHeaders(content_type="image/png")
BUDGET = timedelta(seconds=1)
SLACK = 3  # of a busy machine, in seconds; without a budget these take a minute or more
COPY_ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>m</Message></Error>"
DELETE_ERRORS = b"""<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Error><Key>media/a</Key><Code>InternalError</Code><Message>try again</Message></Error>
<Error><Key>media/b</Key><Code>NoSuchKey</Code><Message>absent</Message></Error>
</DeleteResult>"""

Operation = Callable[[S3Store, str], Any]


def read(store: S3Store, key: str) -> bytes:
    with store.open(key) as reader:
        return b"".join(reader)


def copy(store: S3Store, key: str) -> None:
    store.copy(key, f"{key}.copy", if_match="8b1a9953c4611296a827abf8c47804d7", headers=PNG)


OPERATIONS: dict[str, Operation] = {
    "head": lambda store, key: store.head(key),
    "open": read,
    "copy": copy,
    "put": lambda store, key: store.put(key, b"Hello", headers=PNG),
    "delete": lambda store, key: store.delete_many([key]),
    "list": lambda store, key: list(store.list(key)),
}


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> Operation:
    return OPERATIONS[request.param]


@pytest.fixture
def key(s3_store: S3Store, prefix: str) -> str:
    """An object that is there, its bytes Hello."""
    s3_store.put(prefix + "file", b"Hello", headers=PNG)
    return prefix + "file"


@pytest.fixture
def proxied_store(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str]
) -> Iterator[S3Store]:
    behind = replace(connection, endpoint_url=proxy.url)
    store = S3Store(behind, stack["R2_BUCKET_NAME"], budget=BUDGET)
    yield store
    store.close()


@pytest.fixture
def patient_store(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str]
) -> Iterator[S3Store]:
    """The store with its real budget."""
    store = S3Store(replace(connection, endpoint_url=proxy.url), stack["R2_BUCKET_NAME"])
    yield store
    store.close()


def always(fault: Fault) -> fault_proxy.Plan:
    return lambda _method, _number: fault


def first_of_each(fault: Fault) -> fault_proxy.Plan:
    return lambda _method, number: fault if number == 1 else None


@pytest.mark.covers("F14")
@pytest.mark.parametrize("code", [500, 503, 429, 520, 522, 524, 530, 599])
def test_a_store_that_keeps_failing_is_unavailable(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, code: int
) -> None:
    proxy.plan = always(fault_proxy.status(code))

    with pytest.raises(StoreUnavailableError) as outage:
        operation(patient_store, key)

    assert not isinstance(outage.value, StoreRefusedError)
    assert 2 <= proxy.seen.total() <= 3


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
def test_a_passing_fault_is_not_noticed(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = first_of_each(fault)

    operation(patient_store, key)

    assert proxy.seen.total() >= 2


@pytest.mark.covers("F14")
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_every_answer_under_random_faults_is_right_or_unavailable(
    patient_store: S3Store, proxy: FaultProxy, key: str, share: float
) -> None:
    chance = random.Random(14)
    faults = [fault_proxy.status(503), fault_proxy.status(429), fault_proxy.reset]
    proxy.plan = lambda _m, _n: chance.choice(faults) if chance.random() < share else None

    right = 0
    for _ in range(10):
        try:
            assert patient_store.head(key).size == 5
            assert read(patient_store, key) == b"Hello"
            right += 1
        except StoreUnavailableError:
            continue

    assert right >= 3


@pytest.mark.covers("F15")
@pytest.mark.parametrize("fault", [fault_proxy.hang, fault_proxy.trickle_head])
def test_a_store_that_dawdles_costs_no_more_than_the_budget(
    proxied_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = always(fault)
    started = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        operation(proxied_store, key)

    assert time.monotonic() - started < BUDGET.total_seconds() + SLACK


@pytest.mark.covers("F15")
def test_a_body_that_trickles_costs_no_more_than_the_budget(
    proxied_store: S3Store, proxy: FaultProxy, s3_store: S3Store, prefix: str
) -> None:
    s3_store.put(prefix + "slow", b"x" * 1000, headers=PNG)
    proxy.plan = always(fault_proxy.trickle_body)
    started = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        read(proxied_store, prefix + "slow")

    assert time.monotonic() - started < BUDGET.total_seconds() + SLACK


@pytest.mark.covers("F15")
def test_a_caller_may_allow_less_than_the_budget(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation
) -> None:
    proxy.plan = always(fault_proxy.hang)
    started = time.monotonic()

    with time_limit(timedelta(seconds=0.3)), pytest.raises(StoreUnavailableError):
        operation(patient_store, key)

    assert time.monotonic() - started < 0.3 + SLACK


@pytest.mark.covers("F15")
def test_a_body_cut_halfway_never_passes_for_a_whole_one(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, prefix: str
) -> None:
    s3_store.put(prefix + "large", b"x" * 1_000_000, headers=PNG)
    proxy.plan = always(fault_proxy.cut_body)

    with pytest.raises(StoreUnavailableError):
        read(patient_store, prefix + "large")


@pytest.mark.covers("F15")
def test_a_store_that_is_not_there_is_unavailable(
    connection: S3Connection, operation: Operation
) -> None:
    nobody = replace(connection, endpoint_url="http://127.0.0.1:1")
    store = S3Store(nobody, "sartiq-media")

    with pytest.raises(StoreUnavailableError):
        operation(store, "media/a")

    store.close()


@pytest.mark.covers("F15")
def test_signing_needs_no_store(connection: S3Connection, temp_key: str) -> None:
    nobody = replace(connection, endpoint_url="http://127.0.0.1:1")
    store = S3Store(nobody, "sartiq-media")

    signed = store.sign_put(
        temp_key, content_type="image/png", size=1, sha256=None, lifetime=timedelta(minutes=15)
    )

    assert temp_key in signed.url


@pytest.mark.covers("F16")
def test_an_answer_lost_after_success_is_asked_for_again(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str, operation: Operation
) -> None:
    proxy.plan = first_of_each(fault_proxy.cut_answer)

    operation(patient_store, key)

    sizes = {each.key: each.size for each in s3_store.list(key)}
    assert sizes in ({key: 5}, {key: 5, f"{key}.copy": 5}, {})
    assert proxy.seen.total() >= 2


@pytest.mark.covers("F16")
def test_the_bytes_after_a_lost_answer_are_the_right_ones(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str
) -> None:
    proxy.plan = first_of_each(fault_proxy.cut_answer)

    head = patient_store.put(key, b"World", headers=PNG)
    patient_store.copy(key, f"{key}.copy", if_match=head.etag, headers=PNG)

    assert read(s3_store, key) == read(s3_store, f"{key}.copy") == b"World"


@pytest.mark.covers("F17")
def test_an_error_document_under_status_200_is_a_failed_copy(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str
) -> None:
    proxy.plan = always(fault_proxy.document(COPY_ERROR))

    with pytest.raises(StoreUnavailableError):
        copy(patient_store, key)

    assert proxy.seen["PUT"] == 3
    with pytest.raises(ObjectNotFoundError):
        s3_store.head(f"{key}.copy")


@pytest.mark.covers("F17")
def test_a_bulk_delete_names_the_keys_it_left(patient_store: S3Store, proxy: FaultProxy) -> None:
    proxy.plan = always(fault_proxy.document(DELETE_ERRORS))

    failures = patient_store.delete_many(["media/a", "media/b", "media/c"])

    assert [(each.key, each.code, each.message) for each in failures] == [
        ("media/a", "InternalError", "try again")
    ]


@pytest.mark.covers("F19")
def test_rotated_credentials_are_an_outage(
    connection: S3Connection,
    stack: dict[str, str],
    s3_store: S3Store,
    key: str,
    operation: Operation,
) -> None:
    rotated = S3Store(replace(connection, secret_access_key="old"), stack["R2_BUCKET_NAME"])

    with pytest.raises(StoreCredentialsError):
        operation(rotated, key)

    assert read(s3_store, key) == b"Hello"
    rotated.close()


@pytest.mark.parametrize(
    "fault",
    [
        fault_proxy.status(401),
        fault_proxy.status(403),
        fault_proxy.status(401, b"<Error><Code>Unauthorized</Code></Error>"),
        fault_proxy.status(403, b"<Error><Code>AccessDenied</Code></Error>"),
    ],
)
def test_401_and_403_are_our_credentials(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = always(fault)

    with pytest.raises(StoreCredentialsError):
        operation(patient_store, key)


# SeaweedFS makes a bucket that somebody puts to, and deletes from any: those two show nothing.
@pytest.mark.parametrize("name", ["head", "open", "copy", "list"])
def test_a_bucket_that_does_not_exist_is_no_missing_object(
    connection: S3Connection, name: str
) -> None:
    store = S3Store(connection, f"sartiq-nowhere-{name}")

    for ask in (lambda: OPERATIONS[name](store, "media/a"), store.clock):
        with pytest.raises(StoreRefusedError):
            ask()

    store.close()


def test_an_object_missing_from_a_bucket_that_is_there_is_missing(
    patient_store: S3Store, proxy: FaultProxy
) -> None:
    def answer(handler: fault_proxy.Handler) -> None:
        is_object = handler.path.endswith("/media/absent")
        (fault_proxy.status(404) if is_object else fault_proxy.forward)(handler)

    proxy.plan = always(answer)
    for look in (patient_store.head, patient_store.open):
        with pytest.raises(ObjectNotFoundError):
            look("media/absent")


def test_a_store_that_tells_no_time_is_still_there(
    patient_store: S3Store, proxy: FaultProxy
) -> None:
    assert patient_store.clock() is not None
    proxy.plan = always(fault_proxy.without("date"))

    assert patient_store.clock() is None


@pytest.mark.parametrize("code", [400, 405, 411, 501])
def test_a_refusal_that_will_not_pass_says_so(
    patient_store: S3Store, proxy: FaultProxy, code: int
) -> None:
    proxy.plan = always(fault_proxy.status(code))

    with pytest.raises(StoreRefusedError):
        patient_store.open("media/a")

    assert proxy.seen["GET"] == 1


def test_a_bug_is_distinguished_from_an_outage() -> None:
    with pytest.raises(StoreRefusedError), translated():
        raise ParamValidationError(report="wrong")


@pytest.mark.covers("T09")
def test_no_error_shows_a_signature(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation
) -> None:
    proxy.plan = always(fault_proxy.status(503))

    with pytest.raises(StoreUnavailableError) as outage:
        operation(patient_store, key)

    assert outage.value.detail == "Service temporarily unavailable"
