"""Responses with which the S3 server refuses an operation."""

from dataclasses import replace

import pytest
from botocore.exceptions import ParamValidationError

from media.errors import (
    ObjectNotFoundError,
    StoreCredentialsError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.storage.s3.connection import S3Connection
from media.storage.s3.errors import translated
from media.storage.s3.store import S3Store
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import Fault, FaultProxy
from media.tests.storage.s3.operations import (
    COPY_ERROR,
    DELETE_ERRORS,
    OPERATIONS,
    Operation,
    always,
    copy,
    read,
)


@pytest.mark.covers("F17")
def test_an_error_document_under_status_200_is_a_failed_copy(
    patient_store: S3Store, proxy: FaultProxy, s3_store: S3Store, key: str
) -> None:
    proxy.plan = always(fault_proxy.document(COPY_ERROR))

    with pytest.raises(StoreUnavailableError):
        copy(patient_store, key)

    assert proxy.request_counts["PUT"] == 3
    with pytest.raises(ObjectNotFoundError):
        s3_store.head(f"{key}.copy")


@pytest.mark.covers("F17")
def test_a_bulk_delete_reports_the_keys_that_remain(
    patient_store: S3Store, proxy: FaultProxy
) -> None:
    proxy.plan = always(fault_proxy.document(DELETE_ERRORS))

    failures = patient_store.delete_many(["media/a", "media/b", "media/c"])

    assert [(failure.key, failure.code, failure.message) for failure in failures] == [
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
    store_with_old_secret = S3Store(
        replace(connection, secret_access_key="old"), stack["R2_BUCKET_NAME"]
    )

    with pytest.raises(StoreCredentialsError):
        operation(store_with_old_secret, key)

    assert read(s3_store, key) == b"Hello"
    store_with_old_secret.close()


@pytest.mark.parametrize(
    "fault",
    [
        fault_proxy.status(401),
        fault_proxy.status(403),
        fault_proxy.status(401, b"<Error><Code>Unauthorized</Code></Error>"),
        fault_proxy.status(403, b"<Error><Code>AccessDenied</Code></Error>"),
    ],
)
def test_401_and_403_are_credentials_errors(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation, fault: Fault
) -> None:
    proxy.plan = always(fault)

    with pytest.raises(StoreCredentialsError):
        operation(patient_store, key)


# SeaweedFS creates missing buckets on PUT and accepts any DELETE, so these two are not tested.
@pytest.mark.parametrize("name", ["head", "open", "copy", "list"])
def test_a_missing_bucket_is_not_reported_as_a_missing_object(
    connection: S3Connection, name: str
) -> None:
    store = S3Store(connection, f"sartiq-nowhere-{name}")

    for call in (lambda: OPERATIONS[name](store, "media/a"), store.clock):
        with pytest.raises(StoreRefusedError):
            call()

    store.close()


def test_a_missing_object_in_an_existing_bucket_is_not_found(
    patient_store: S3Store, proxy: FaultProxy
) -> None:
    def respond(handler: fault_proxy.Handler) -> None:
        is_object = handler.path.endswith("/media/absent")
        (fault_proxy.status(404) if is_object else fault_proxy.forward)(handler)

    proxy.plan = always(respond)
    for look in (patient_store.head, patient_store.open):
        with pytest.raises(ObjectNotFoundError):
            look("media/absent")


def test_a_store_without_a_date_header_is_available(
    patient_store: S3Store, proxy: FaultProxy
) -> None:
    assert patient_store.clock() is not None
    proxy.plan = always(fault_proxy.without("date"))

    assert patient_store.clock() is None


@pytest.mark.parametrize("code", [400, 405, 411, 501])
def test_a_permanent_refusal_is_marked_as_one(
    patient_store: S3Store, proxy: FaultProxy, code: int
) -> None:
    proxy.plan = always(fault_proxy.status(code))

    with pytest.raises(StoreRefusedError):
        patient_store.open("media/a")

    assert proxy.request_counts["GET"] == 1


def test_a_bug_is_distinguished_from_an_outage() -> None:
    with pytest.raises(StoreRefusedError), translated():
        raise ParamValidationError(report="wrong")


@pytest.mark.covers("T09")
def test_no_error_shows_a_signature(
    patient_store: S3Store, proxy: FaultProxy, key: str, operation: Operation
) -> None:
    proxy.plan = always(fault_proxy.status(503))

    with pytest.raises(StoreUnavailableError) as excinfo:
        operation(patient_store, key)

    assert excinfo.value.detail == "Service temporarily unavailable"
