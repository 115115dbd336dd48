"""Probe objects detect wrong settings with which the product's own calls succeed."""

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from media.errors import StoreMisconfiguredError
from media.models import EnvironmentIdentity, get_or_create_identity
from media.services import store_verification
from media.storage import factory, private_store, public_store
from media.storage.probes import probe_buckets
from media.storage.s3.connection import S3Clients
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import FaultProxy


def allow_public_reads(bucket: str) -> None:
    """Make objects public, as a custom domain on an R2 bucket does."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    clients = S3Clients(factory.s3_connection())
    clients.get().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    clients.close()


@pytest.fixture
def served_buckets(
    fresh_buckets: tuple[str, str], settings: Settings, stack: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Two buckets, of which the public one can be read by anyone."""
    clients = S3Clients(factory.s3_connection())
    for bucket in fresh_buckets:
        clients.get().create_bucket(Bucket=bucket)
    clients.close()
    allow_public_reads(fresh_buckets[0])
    settings.R2_PUBLIC_URL = settings.CDN_URL = f"{stack['S3_ENDPOINT_URL']}/{fresh_buckets[0]}"
    factory.reset()
    yield fresh_buckets
    factory.reset()


def objects() -> list[str]:
    return [
        listing.key for store in (public_store(), private_store()) for listing in store.list("")
    ]


def test_valid_settings_pass_the_probes_and_leave_no_objects(
    served_buckets: tuple[str, str], settings: Settings
) -> None:
    steps = list(probe_buckets())

    assert [step.sentence for step in steps] == [
        f"Objects of {served_buckets[1]} cannot be read without a signature.",
        f"A signed PUT is accepted at {settings.S3_PUBLIC_ENDPOINT_URL}.",
        f"Public objects can be read at {settings.R2_PUBLIC_URL}.",
    ]
    assert not any(step.manual_step for step in steps)
    assert objects() == []


def test_an_endpoint_that_ends_in_the_bucket_name_is_detected(
    served_buckets: tuple[str, str], settings: Settings
) -> None:
    settings.S3_ENDPOINT_URL += f"/{served_buckets[0]}"
    settings.S3_PUBLIC_ENDPOINT_URL = settings.S3_ENDPOINT_URL
    factory.reset()

    with pytest.raises(StoreMisconfiguredError, match="Anyone can read the private bucket"):
        list(probe_buckets())


def test_a_publicly_readable_private_bucket_is_detected(
    served_buckets: tuple[str, str],
) -> None:
    allow_public_reads(served_buckets[1])

    with pytest.raises(StoreMisconfiguredError, match="Anyone can read the private bucket"):
        list(probe_buckets())

    assert objects() == []


@pytest.mark.usefixtures("served_buckets")
@pytest.mark.parametrize("code", [401, 403, 404, 301, 500])
def test_an_upload_endpoint_that_is_not_the_s3_api_is_detected(
    settings: Settings, proxy: FaultProxy, code: int
) -> None:
    proxy.plan = lambda method, _number: fault_proxy.status(code) if method == "PUT" else None
    settings.S3_PUBLIC_ENDPOINT_URL = proxy.url
    factory.reset()

    with pytest.raises(StoreMisconfiguredError, match=f"answered {code} to a signed PUT"):
        list(probe_buckets())

    assert objects() == []


@pytest.mark.usefixtures("served_buckets")
def test_an_upload_endpoint_of_another_store_is_detected(
    settings: Settings, proxy: FaultProxy
) -> None:
    proxy.plan = lambda method, _number: fault_proxy.status(200) if method == "PUT" else None
    settings.S3_PUBLIC_ENDPOINT_URL = proxy.url
    factory.reset()

    with pytest.raises(StoreMisconfiguredError, match="did not reach the bucket"):
        list(probe_buckets())


@pytest.mark.parametrize("name", ["R2_PUBLIC_URL", "CDN_URL"])
def test_a_public_url_that_serves_no_objects_is_detected(
    served_buckets: tuple[str, str], settings: Settings, name: str
) -> None:
    url = f"{settings.S3_ENDPOINT_URL}/{served_buckets[1]}"
    setattr(settings, name, url)

    with pytest.raises(StoreMisconfiguredError, match=f"cannot be read at {url}"):
        list(probe_buckets())

    assert objects() == []


@pytest.mark.usefixtures("served_buckets")
@pytest.mark.parametrize("name", ["R2_PUBLIC_URL", "CDN_URL", "S3_PUBLIC_ENDPOINT_URL"])
def test_an_unreachable_url_is_left_to_the_operator(settings: Settings, name: str) -> None:
    setattr(settings, name, "http://127.0.0.1:1")
    factory.reset()

    steps = list(probe_buckets())

    (manual_steps,) = [step for step in steps if step.manual_step]
    assert "does not answer from this machine" in manual_steps.sentence
    assert objects() == []


@pytest.fixture
def process_without_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not verified the store yet."""
    monkeypatch.setattr(store_verification, "_last", store_verification._Last())


@pytest.mark.django_db
@pytest.mark.usefixtures("served_buckets", "process_without_verification")
def test_a_first_start_is_ready_once_the_store_is_verified(
    client: Client, settings: Settings, proxy: FaultProxy
) -> None:
    get_or_create_identity()

    first = client.get("/health/ready")
    settings.S3_ENDPOINT_URL = proxy.url  # other settings, so they are verified again
    proxy.plan = lambda _method, _number: fault_proxy.status(503)
    factory.reset()
    change_response = client.get("/health/ready")
    settings.S3_ENDPOINT_URL = settings.S3_PUBLIC_ENDPOINT_URL
    factory.reset()

    assert (first.status_code, change_response.status_code) == (200, 503)
    assert EnvironmentIdentity.objects.get().proven_settings == store_verification.fingerprint()


@pytest.mark.django_db
@pytest.mark.usefixtures("served_buckets", "process_without_verification")
def test_a_first_start_with_a_wrong_upload_endpoint_is_not_ready(
    client: Client, settings: Settings, proxy: FaultProxy
) -> None:
    proxy.plan = lambda method, _number: fault_proxy.status(401) if method == "PUT" else None
    settings.S3_PUBLIC_ENDPOINT_URL = proxy.url
    factory.reset()

    response = client.get("/health/ready")
    put_count = proxy.request_counts["PUT"]
    second_response = client.get("/health/ready")

    assert (response.status_code, second_response.status_code) == (503, 503)
    assert response.headers["Retry-After"] == "10"
    assert response.json()["store"].startswith("Clients cannot use the object store yet")
    assert proxy.request_counts["PUT"] == put_count == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("served_buckets", "process_without_verification")
def test_an_outage_after_the_verification_leaves_the_service_ready(
    client: Client, settings: Settings, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_or_create_identity()
    settings.S3_ENDPOINT_URL = proxy.url
    factory.reset()
    assert client.get("/health/ready").status_code == 200
    monkeypatch.setattr(
        store_verification, "_last", store_verification._Last()
    )  # the process starts again
    proxy.plan = lambda _method, _number: fault_proxy.status(503)

    assert client.get("/health/ready").status_code == 200
