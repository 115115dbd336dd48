"""After a crash at any step: one READY resource, unchanged bytes, no temporary objects."""

from typing import Any

import httpx
import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually, is_deleted, media_of, photo, sha256
from tests.flow.crashes.crash_file import CrashFile

pytestmark = pytest.mark.flow

RELOCATION_POINTS = [
    "lease-taken",
    "relocation-started",
    "relocation-source-chosen",
    "relocation-copied",
    "relocation-head-read",
    "object-chunk-read",
    "object-downloaded",
    "object-checked",
    "relocation-verified",
    "relocation-saved",
    "relocation-committed",
]
DELETION_POINTS = ["deletions-selected", "objects-deleted"]


def unique_photo(text: str) -> bytes:
    """Return a photo with this text as a JPEG comment: other bytes for each text."""
    body, comment = photo("aw26-oxford-shoe-on-location.jpg"), text.encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return body[:2] + segment + body[2:]


def require_image(api_client: ApiClient, product_id: str, body: bytes, temporary_url: str) -> None:
    """Assert that the product's image is stored once, and its temporary object is deleted."""
    [media] = media_of(api_client.wait_until_processed(product_id))
    assert media["status"] == "ready"
    assert sha256(api_client.download(media).content) == sha256(body)
    resources = api_client.http.get(
        "/api/v1/media-resources/", params={**api_client.owner_parameters, "sha256": sha256(body)}
    ).json()["data"]
    assert [resource["id"] for resource in resources] == [media["resource_id"]]
    assert len(resources[0]["attachments"]) == 1
    eventually(lambda: is_deleted(temporary_url), bool)


@pytest.mark.covers("F01", "F20", "F21", "I01")
@pytest.mark.parametrize("point", [*RELOCATION_POINTS, *DELETION_POINTS])
def test_nothing_is_lost_if_a_worker_is_killed_at_any_step(
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    body = unique_photo(f"worker killed at {point}")
    temporary_url = api_client.upload("killed.jpg", body, "image/jpeg")
    crash_file.crash_at(point, role="worker")

    product = api_client.create_product(name=point, cover_image=temporary_url)

    require_image(api_client, product["id"], body, temporary_url)
    crash_file.require_reached()


@pytest.mark.covers("F03", "F40")
@pytest.mark.parametrize(
    "point",
    [
        "ingest-started",
        "ingest-heads-read",
        "object-chunk-read",
        "object-downloaded",
        "object-checked",
        "committed",
    ],
)
def test_a_web_process_killed_at_any_step_commits_all_or_nothing(
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    body = unique_photo(f"web killed at {point}")
    temporary_url = api_client.upload("killed.jpg", body, "image/jpeg")
    fields: dict[str, Any] = {"name": point, "sku": f"KILLED-{point}", "cover_image": temporary_url}
    crash_file.crash_at(point, role="web")

    with pytest.raises(httpx.TransportError):
        api_client.create(**fields)
    eventually(api_client.is_ready, bool)
    params = {**api_client.owner_parameters, "sku": fields["sku"]}
    products = api_client.http.get("/api/v1/products/", params=params).json()["data"]

    crash_file.require_reached()
    assert len(products) == (1 if point == "committed" else 0)
    product = products[0] if point == "committed" else api_client.create_product(**fields)
    require_image(api_client, product["id"], body, temporary_url)


@pytest.mark.covers("F40")
def test_a_web_process_killed_in_a_create_frees_its_key(
    api_client: ApiClient, crash_file: CrashFile
) -> None:
    body = unique_photo("web killed with a key")
    fields: dict[str, Any] = {
        "name": "Killed with a key",
        "cover_image": api_client.upload("killed.jpg", body, "image/jpeg"),
    }
    key = {"Idempotency-Key": "killed"}
    crash_file.crash_at("ingest-heads-read", role="web")
    with pytest.raises(httpx.TransportError):
        api_client.create(headers=key, **fields)
    eventually(api_client.is_ready, bool)

    responses = [api_client.create(headers=key, **fields)]
    if responses[0].status_code == 409:  # the killed request's claim has not expired
        assert 1 <= int(responses[0].headers["Retry-After"]) <= 10
        response_after_expiry = eventually(
            lambda: api_client.create(headers=key, **fields),
            lambda response: response.status_code != 409,
        )
        responses.append(response_after_expiry)

    assert responses[-1].status_code == 201
    assert "Idempotent-Replayed" not in responses[-1].headers
    assert api_client.create(headers=key, **fields).json()["id"] == responses[-1].json()["id"]


@pytest.mark.covers("F02")
def test_work_of_a_lost_worker_is_done_once_its_lease_has_ended(
    api_client: ApiClient, running_product: Product, crash_file: CrashFile
) -> None:
    body = unique_photo("whole worker lost")
    temporary_url = api_client.upload("lost.jpg", body, "image/jpeg")
    crash_file.crash_group_at("relocation-source-chosen", role="worker")

    product = api_client.create_product(name="Lost", cover_image=temporary_url)
    eventually(crash_file.was_reached, bool)
    running_product.stop_broker(lose_data=True)  # only the row in the database is left of the task
    running_product.start_broker()
    running_product.restart_dead()

    require_image(api_client, product["id"], body, temporary_url)


@pytest.mark.covers("F08")
@pytest.mark.parametrize("lose_data", [False, True])
def test_products_are_created_without_a_broker_and_become_ready_when_it_is_back(
    api_client: ApiClient, running_product: Product, *, lose_data: bool
) -> None:
    body = unique_photo(f"no broker, data lost: {lose_data}")
    temporary_url = api_client.upload("quiet.jpg", body, "image/jpeg")
    running_product.stop_broker(lose_data=lose_data)

    product = api_client.create_product(name="Quiet", cover_image=temporary_url)
    before = media_of(api_client.read(product["id"]))[0]
    running_product.start_broker()

    assert before["status"] == "pending"
    assert before["url"] == temporary_url
    require_image(api_client, product["id"], body, temporary_url)


@pytest.mark.covers("F10", "F11")
def test_the_product_recovers_after_a_restart_of_the_database(
    api_client: ApiClient, running_product: Product
) -> None:
    body = unique_photo("database restarted")
    temporary_url = api_client.upload("restart.jpg", body, "image/jpeg")
    running_product.stop_database()

    response = api_client.create(name="Down", cover_image=temporary_url)
    live_response = api_client.http.get("/health/live")
    unready_response = api_client.http.get("/health/ready")
    running_product.start_database()
    product = api_client.create_product(name="Up", cover_image=temporary_url)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert live_response.status_code == 200
    assert unready_response.status_code == 503
    require_image(api_client, product["id"], body, temporary_url)


@pytest.mark.covers("F14")
def test_a_store_outage_is_a_503(api_client: ApiClient, running_product: Product) -> None:
    body = unique_photo("store down")
    temporary_url = api_client.upload("down.jpg", body, "image/jpeg")
    running_product.stop_store()

    response = api_client.create(name="Down", sku="STORE-DOWN", cover_image=temporary_url)
    ticket = api_client.presign("still.jpg", "image/jpeg")
    redirect = api_client.http.get("/files/media/x/file.jpg")
    running_product.start_store()
    product = api_client.create_product(name="Up", sku="STORE-DOWN", cover_image=temporary_url)

    assert response.status_code == 503
    assert ticket["upload_method"] == "PUT"
    assert redirect.status_code == 302
    require_image(api_client, product["id"], body, temporary_url)
