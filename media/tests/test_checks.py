import pytest
from pytest_django import Settings

from media import checks

CHECKS = [
    checks.check_storage_kind,
    checks.check_buckets,
    checks.check_urls,
    checks.check_credentials,
    checks.check_pool,
]


@pytest.fixture(autouse=True)
def valid_settings(settings: Settings) -> None:
    settings.STORAGE = "s3"
    settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME = "a", "b"
    for name in ("S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL", "R2_PUBLIC_URL", "CDN_URL"):
        setattr(settings, name, "https://store.example.test/a")
    settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = "x"


def check_ids() -> list[tuple[str | None, str]]:
    return [(message.id, message.msg) for check in CHECKS for message in check(None)]


def test_valid_settings_pass() -> None:
    assert check_ids() == []


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
def test_an_unsafe_setting_is_reported(
    settings: Settings, name: str, value: object, expected: tuple[str, str]
) -> None:
    setattr(settings, name, value)

    assert check_ids() == [expected]


def test_the_local_store_needs_a_base_url_and_no_keys(settings: Settings) -> None:
    settings.STORAGE = "local"
    settings.S3_ENDPOINT_URL = settings.S3_ACCESS_KEY_ID = ""

    assert check_ids() == []
    settings.PUBLIC_BASE_URL = "localhost"
    assert check_ids() == [("media.E004", "PUBLIC_BASE_URL is not an absolute http(s) URL.")]
