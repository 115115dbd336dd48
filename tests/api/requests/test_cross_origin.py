"""The headers that pages of other origins may send and read (CORS)."""

from pytest_django import Settings

from tests.api.world import World

ORIGIN = "https://studio.example"
PATH = "/api/v1/products/"


def test_cross_origin_pages_can_read_the_headers_they_need(
    world: World, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]

    response = world.client("plain").get(PATH, headers={"Origin": ORIGIN})

    exposed_headers = {
        header.strip() for header in response.headers["Access-Control-Expose-Headers"].split(",")
    }
    assert exposed_headers == {
        "Content-Disposition",
        "ETag",
        "Idempotent-Replayed",
        "Location",
        "Retry-After",
        "X-Request-ID",
    }
    assert {header.strip().lower() for header in response.headers["Vary"].split(",")} >= {
        "origin",
        "authorization",
    }


def test_cross_origin_pages_can_send_conditions_and_keys(world: World, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    headers = "authorization,content-type,idempotency-key,if-match,if-none-match,x-request-id"

    response = world.client("anonymous").generic(
        "OPTIONS",
        PATH,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": headers,
        },
    )

    allowed_headers = {
        header.strip() for header in response.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert (response.status_code, set(headers.split(",")) - allowed_headers) == (200, set())
