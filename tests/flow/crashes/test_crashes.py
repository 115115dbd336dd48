"""Whatever dies, and wherever: one READY resource, the right bytes, nothing left over."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.product import Product
from tests.flow.studio import Studio, eventually, is_gone, media_of, photo, sha256

pytestmark = pytest.mark.flow

RELOCATION = [
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
DELETION = ["deletions-selected", "objects-deleted"]


def unique_photo(mark: str) -> bytes:
    """A JPEG whose bytes nobody has sent before: a comment is put into the JPEG."""
    body, comment = photo("aw26-oxford-shoe-on-location.jpg"), mark.encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return body[:2] + segment + body[2:]


def require_whole(studio: Studio, product_id: str, body: bytes, temporary: str) -> None:
    [media] = media_of(studio.wait_until_processed(product_id))
    assert media["status"] == "ready"
    assert sha256(studio.download(media).content) == sha256(body)
    same = studio.http.get(
        "/api/v1/media-resources/", params={**studio.scope, "sha256": sha256(body)}
    ).json()
    assert [resource["id"] for resource in same["data"]] == [media["resource_id"]]
    assert len(same["data"][0]["attachments"]) == 1
    eventually(lambda: is_gone(temporary), bool)


@pytest.mark.covers("F01", "F20", "F21", "I01")
@pytest.mark.parametrize("point", [*RELOCATION, *DELETION])
def test_nothing_is_lost_if_a_worker_is_killed_at_any_step(
    point: str, studio: Studio, armed: Path
) -> None:
    body = unique_photo(f"worker killed at {point}")
    temporary = studio.upload("killed.jpg", body, "image/jpeg")
    armed.write_text(f"worker {point}")

    product = studio.create_product(name=point, cover_image=temporary)

    require_whole(studio, product["id"], body, temporary)
    assert armed.with_name("done").exists(), "the crash point was never reached"


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
    point: str, studio: Studio, armed: Path
) -> None:
    body = unique_photo(f"web killed at {point}")
    temporary = studio.upload("killed.jpg", body, "image/jpeg")
    fields: dict[str, Any] = {"name": point, "sku": f"KILLED-{point}", "cover_image": temporary}
    armed.write_text(f"web {point}")

    with pytest.raises(httpx.TransportError):
        studio.create(**fields)
    eventually(studio.reaches_the_web, bool)
    listed = studio.http.get("/api/v1/products/", params={**studio.scope, "sku": fields["sku"]})

    assert armed.with_name("done").exists(), "the crash point was never reached"
    assert listed.json()["count"] == (1 if point == "committed" else 0)
    created = listed.json()["data"][0] if point == "committed" else studio.create_product(**fields)
    require_whole(studio, created["id"], body, temporary)


@pytest.mark.covers("F40")
def test_a_web_process_killed_in_a_create_frees_its_key(studio: Studio, armed: Path) -> None:
    body = unique_photo("web killed with a key")
    fields: dict[str, Any] = {
        "name": "Killed with a key",
        "cover_image": studio.upload("killed.jpg", body, "image/jpeg"),
    }
    key = {"Idempotency-Key": "killed"}
    armed.write_text("web ingest-heads-read")
    with pytest.raises(httpx.TransportError):
        studio.create(headers=key, **fields)
    eventually(studio.reaches_the_web, bool)

    responses = [studio.create(headers=key, **fields)]
    if responses[0].status_code == 409:  # the killed request's lease still runs
        assert 1 <= int(responses[0].headers["Retry-After"]) <= 10
        freed = eventually(
            lambda: studio.create(headers=key, **fields),
            lambda response: response.status_code != 409,
        )
        responses.append(freed)

    assert responses[-1].status_code == 201
    assert "Idempotent-Replayed" not in responses[-1].headers
    assert studio.create(headers=key, **fields).json()["id"] == responses[-1].json()["id"]


@pytest.mark.covers("F02")
def test_work_of_a_lost_worker_is_done_once_its_lease_has_ended(
    studio: Studio, product: Product, armed: Path
) -> None:
    body = unique_photo("whole worker lost")
    temporary = studio.upload("lost.jpg", body, "image/jpeg")
    armed.write_text("all worker relocation-source-chosen")

    created = studio.create_product(name="Lost", cover_image=temporary)
    eventually(armed.with_name("done").exists, bool)
    product.stop_broker(lose_data=True)  # so that nothing but the row can bring it back
    product.start_broker()
    product.restart_dead()

    require_whole(studio, created["id"], body, temporary)


@pytest.mark.covers("F08")
@pytest.mark.parametrize("lose_data", [False, True])
def test_products_are_created_without_a_broker_and_become_ready_when_it_is_back(
    studio: Studio, product: Product, *, lose_data: bool
) -> None:
    body = unique_photo(f"no broker, data lost: {lose_data}")
    temporary = studio.upload("quiet.jpg", body, "image/jpeg")
    product.stop_broker(lose_data=lose_data)

    created = studio.create_product(name="Quiet", cover_image=temporary)
    before = media_of(studio.read(created["id"]))[0]
    product.start_broker()

    assert before["status"] == "pending"
    assert before["url"] == temporary
    require_whole(studio, created["id"], body, temporary)


@pytest.mark.covers("F10", "F11")
def test_the_product_recovers_after_a_restart_of_the_database(
    studio: Studio, product: Product
) -> None:
    body = unique_photo("database restarted")
    temporary = studio.upload("restart.jpg", body, "image/jpeg")
    product.stop_database()

    response = studio.create(name="Down", cover_image=temporary)
    live = studio.http.get("/health/live")
    unready = studio.http.get("/health/ready")
    product.start_database()
    created = studio.create_product(name="Up", cover_image=temporary)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert live.status_code == 200
    assert unready.status_code == 503
    require_whole(studio, created["id"], body, temporary)


@pytest.mark.covers("F14")
def test_a_store_outage_is_a_503(studio: Studio, product: Product) -> None:
    body = unique_photo("store down")
    temporary = studio.upload("down.jpg", body, "image/jpeg")
    product.stop_store()

    response = studio.create(name="Down", sku="STORE-DOWN", cover_image=temporary)
    signed = studio.presign("still.jpg", "image/jpeg")
    redirect = studio.http.get("/files/media/x/file.jpg")
    product.start_store()
    created = studio.create_product(name="Up", sku="STORE-DOWN", cover_image=temporary)

    assert response.status_code == 503
    assert signed["upload_method"] == "PUT"
    assert redirect.status_code == 302
    require_whole(studio, created["id"], body, temporary)
