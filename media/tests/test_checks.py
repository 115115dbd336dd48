import pytest
from pytest_django import Settings

from media import checks

CHECKS = [
    checks.check_storage_kind,
    checks.check_buckets,
    checks.check_urls,
    checks.check_endpoints,
    checks.check_credentials,
    checks.check_pool,
]


@pytest.fixture(autouse=True)
def sound(settings: Settings) -> None:
    settings.STORAGE = "s3"
    settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME = "a", "b"
    for name in ("S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL", "R2_PUBLIC_URL", "CDN_URL"):
        setattr(settings, name, "https://store.example.test")
    settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = "x"


def found() -> list[tuple[str | None, str]]:
    return [(each.id, each.msg) for check in CHECKS for each in check(None)]


def test_sound_settings_pass() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("STORAGE", "ftp", ("media.E001", "STORAGE is 'ftp', not s3 or local.")),
        ("R2_BUCKET_NAME", "", ("media.E002", "R2_BUCKET_NAME is empty.")),
        ("R2_PRIVATE_BUCKET_NAME", "", ("media.E002", "R2_PRIVATE_BUCKET_NAME is empty.")),
        (
            "R2_BUCKET_NAME",
            "b",
            ("media.E003", "R2_BUCKET_NAME and R2_PRIVATE_BUCKET_NAME are the same bucket."),
        ),
        ("CDN_URL", "//cdn", ("media.E004", "CDN_URL is not an absolute http(s) URL.")),
        ("CDN_URL", "https://cdn?x", ("media.E004", "CDN_URL is not an absolute http(s) URL.")),
        ("CDN_URL", "https://[", ("media.E004", "CDN_URL is not an absolute http(s) URL.")),
        (
            "S3_ENDPOINT_URL",
            "",
            ("media.E004", "S3_ENDPOINT_URL is not an absolute http(s) URL."),
        ),
        ("S3_ACCESS_KEY_ID", "", ("media.E005", "S3_ACCESS_KEY_ID is empty.")),
        ("S3_POOL_SIZE", 0, ("media.E006", "S3_POOL_SIZE is below 1.")),
    ],
)
def test_a_setting_that_would_break_a_promise_stops_the_boot(
    settings: Settings, name: str, value: object, expected: tuple[str, str]
) -> None:
    setattr(settings, name, value)

    assert found() == [expected]


def test_the_local_store_needs_its_own_address_and_no_keys(settings: Settings) -> None:
    settings.STORAGE = "local"
    settings.S3_ENDPOINT_URL = settings.S3_ACCESS_KEY_ID = ""

    assert found() == []
    settings.PUBLIC_BASE_URL = "localhost"
    assert found() == [("media.E004", "PUBLIC_BASE_URL is not an absolute http(s) URL.")]


R2 = "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"])
@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://store.example.test/a", "ends in the name of a bucket (a)"),
        ("https://store.example.test/b/", "ends in the name of a bucket (b)"),
        ("https://store.example.test/s3/A//", "ends in the name of a bucket (a)"),
        ("http://127.0.0.1:8333/%61", "ends in the name of a bucket (a)"),
        (f"{R2}/a", "ends in the name of a bucket (a)"),
        (f"{R2}/another", "has a path"),
        (R2.replace("https://", "https://a."), "begins with the name of a bucket (a)"),
        ("https://b.s3.example.test", "begins with the name of a bucket (b)"),
        ("https://pub-0123456789abcdef.r2.dev", "is not the S3 API of R2"),
        ("https://dash.cloudflare.com/0123/r2/default/buckets/a", "is not the S3 API of R2"),
    ],
)
def test_an_endpoint_that_is_a_bucket_or_a_public_address_is_refused(
    settings: Settings, name: str, url: str, fault: str
) -> None:
    setattr(settings, name, url)

    ((code, message),) = found()
    assert code == "media.E007"
    assert message.startswith(f"{name} {fault}")


@pytest.mark.parametrize(
    "url",
    [
        R2,
        f"{R2}/",
        R2.replace(".r2.", ".eu.r2."),
        "http://127.0.0.1:8333",
        "https://s3.test/prefix",
    ],
)
def test_the_endpoints_people_have_pass(settings: Settings, url: str) -> None:
    settings.S3_ENDPOINT_URL = settings.S3_PUBLIC_ENDPOINT_URL = url

    assert found() == []


def test_r2_takes_uploads_at_its_own_address_only(settings: Settings) -> None:
    settings.S3_ENDPOINT_URL = R2
    settings.S3_PUBLIC_ENDPOINT_URL = "https://media.example.test"

    ((code, message),) = found()
    assert code == "media.E007"
    assert message.startswith("S3_PUBLIC_ENDPOINT_URL is not the S3 API of R2")
