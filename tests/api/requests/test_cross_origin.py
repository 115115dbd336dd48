"""What a page of another origin may send and read."""

from pytest_django import Settings

from tests.api.world import World

ORIGIN = "https://studio.example"
PATH = "/api/v1/products/"


def test_a_page_reads_the_headers_it_needs(world: World, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]

    response = world.client("plain").get(PATH, headers={"Origin": ORIGIN})

    exposed = {
        each.strip() for each in response.headers["Access-Control-Expose-Headers"].split(",")
    }
    assert exposed == {
        "Content-Disposition",
        "ETag",
        "Idempotent-Replayed",
        "Location",
        "Retry-After",
        "X-Request-ID",
    }
    assert {each.strip().lower() for each in response.headers["Vary"].split(",")} >= {
        "origin",
        "authorization",
    }


def test_a_page_may_send_conditions_and_keys(world: World, settings: Settings) -> None:
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

    allowed = {each.strip() for each in response.headers["Access-Control-Allow-Headers"].split(",")}
    assert (response.status_code, set(headers.split(",")) - allowed) == (200, set())
