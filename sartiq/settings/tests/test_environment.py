"""Tests of every environment variable at its bounds and beyond."""

import os

import pytest
from annotated_types import Ge
from django.core.exceptions import ImproperlyConfigured

from media.rules.decode_costs import max_memory
from media.rules.limits import MAX_PIXELS
from sartiq.settings import environment
from sartiq.settings.environment import Development, Production
from sartiq.settings.tests.refused_values import REFUSED
from sartiq.settings.tests.test_production import COMPLETE, set_environment
from sartiq.settings.variable_types import database_settings

SECRETS = ("0123456789abcdef" * 4, "hidden-word")


R2 = "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"
BUCKETS = {"R2_BUCKET_NAME": "media", "R2_PRIVATE_BUCKET_NAME": "private"}


@pytest.fixture(autouse=True)
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, COMPLETE)


@pytest.mark.parametrize(("name", "value", "problem"), REFUSED)
def test_an_invalid_value_is_refused_with_its_name_and_the_allowed_values(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as excinfo:
        Production.read()

    message = str(excinfo.value)
    assert problem in message
    assert name in message
    assert "Allowed: " in message
    assert not [secret for secret in SECRETS if secret in message]
    assert excinfo.value.__cause__ is None
    assert excinfo.value.__suppress_context__


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"])
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://store.example/media", "ends in the name of a bucket (media)"),
        ("https://store.example/private/", "ends in the name of a bucket (private)"),
        ("https://store.example/s3/Media//", "ends in the name of a bucket (media)"),
        ("http://127.0.0.1:8333/%6dedia", "ends in the name of a bucket (media)"),
        (f"{R2}/media", "ends in the name of a bucket (media)"),
        ("https://store.example/media/x", "contains the name of a bucket (media)"),
        (f"{R2}/another", "has a path"),
        (R2.replace("https:", "http:"), "is not the S3 API of R2"),
        (f"{R2}:8443", "is not the S3 API of R2"),
        ("https://ACCOUNT_ID.r2.cloudflarestorage.com", "is not the S3 API of R2"),
        ("https://r2.cloudflarestorage.com", "is not the S3 API of R2"),
        (R2.replace("https://", "https://media."), "begins with the name of a bucket (media)"),
        ("https://private.s3.example", "begins with the name of a bucket (private)"),
        ("https://pub-0123456789abcdef.r2.dev", "is not the S3 API of R2"),
        ("https://dash.cloudflare.com/0123/r2/default/buckets/media", "is not the S3 API of R2"),
    ],
)
def test_an_endpoint_with_a_bucket_name_or_a_public_url_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, problem: str
) -> None:
    for variable, value in (BUCKETS | {name: url}).items():
        monkeypatch.setenv(variable, value)

    with pytest.raises(ImproperlyConfigured) as excinfo:
        Production.read()

    assert f"{name} {problem}" in str(excinfo.value)


@pytest.mark.parametrize(
    "url",
    [R2, f"{R2}/", R2.replace(".r2.", ".eu.r2."), "http://127.0.0.1:8333", "https://s3.x/pre"],
)
def test_common_endpoints_are_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for variable, value in (BUCKETS | {"S3_ENDPOINT_URL": url}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "")

    Production.read()


def test_on_r2_the_public_endpoint_must_be_its_s3_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", R2)
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "https://files.example.net")

    with pytest.raises(ImproperlyConfigured, match="is not the S3 API of R2"):
        Production.read()


def test_all_invalid_variables_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = {"PROXY_COUNT": "-1", "STORAGE": "gcs", "SECRET_KEY": "", "LOG_LEVEL": "loud"}
    invalid |= {"R2_PRIVATE_BUCKET_NAME": "media", "TASK_TIME_LIMIT": "5000"}
    for name, value in invalid.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as excinfo:
        Production.read()

    assert len(str(excinfo.value).splitlines()) == 1 + len(invalid)
    assert not [name for name in invalid if name not in str(excinfo.value)]


def test_every_variable_refuses_some_values() -> None:
    assert {name for name, _, _ in REFUSED} == set(Production.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER_URL", "rediss://:word@broker:6380/1"),
        ("BROKER_URL", "redis+socket:///run/valkey.sock?virtual_host=0"),
        ("BROKER_URL", "rediss://default:p%40%2F%25@[::1]:6380/1?ssl_cert_reqs=CERT_NONE"),
        ("BROKER_URL", "redis://broker_1\n"),
        ("DATABASE_URL", "postgres://u:p%40s%2F%25%3A@[::1]:5432/d"),
        ("DATABASE_URL", "postgres://u:p#1@h1:5432,h2:5433/d?target_session_attrs=read-write"),
        ("DATABASE_URL", "postgres://u@h1,h2:5433/d?sslmode=verify-full&connect_timeout=5"),
        ("DATABASE_URL", "postgresql:///d?host=/run/postgresql&port=5433"),
        ("S3_ENDPOINT_URL", "http://[::1]:9000/"),
        ("S3_SECRET_ACCESS_KEY", "a/b+c=="),
        ("ALLOWED_HOSTS", "[::1], .a.example ,,a-b.example,"),
        ("R2_PUBLIC_URL", "https://store.example/media/"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example, http://b.example:8080"),
        ("ALLOWED_HOSTS", ".sartiq.example,127.0.0.1,[::1]"),
        ("PUBLIC_BASE_URL", "http://[::1]:8000"),
        ("PROXY_COUNT", "0"),
        ("SECURE_SSL_REDIRECT", "False"),
        ("DATABASE_PREPARE_THRESHOLD", "0"),
        ("S3_PUBLIC_ENDPOINT_URL", ""),
        ("PROXY_COUNT", ""),
        ("SECURE_SSL_REDIRECT", ""),
    ],
)
def test_a_valid_value_is_accepted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    Production.read()


def test_an_origin_is_compared_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "HTTPS://A.example:443,http://[::1]:5173")

    assert Production.read().CORS_ALLOWED_ORIGINS == ["https://a.example", "http://[::1]:5173"]


def test_the_minimum_decode_memory_fits_the_largest_image() -> None:
    minimum = next(
        bound.ge
        for bound in Production.model_fields["DECODE_MEMORY_BYTES"].metadata
        if isinstance(bound, Ge)
    )

    assert minimum == max_memory(MAX_PIXELS) * 4 // 3


def test_urls_default_to_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "")
    monkeypatch.setenv("R2_PUBLIC_URL", "https://cdn.example/")

    values = Production.read()

    assert values.S3_PUBLIC_ENDPOINT_URL == values.S3_ENDPOINT_URL
    assert values.CDN_URL == values.R2_PUBLIC_URL == "https://cdn.example"


def test_development_and_tests_need_no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STORAGE", "local")

    assert Development.read().R2_PUBLIC_URL == "http://127.0.0.1:8000/local-store"
    assert (
        environment.Testing.read().VISIBILITY_TIMEOUT
        > environment.Testing.read().ASSEMBLY_TIME_LIMIT
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres:///sartiq", ("sartiq", "", "", "", "")),
        ("postgresql://u:p%40@h:5433/d", ("d", "u", "p@", "h", "5433")),
        ("postgres://u@%2Frun%2Fpostgresql/d", ("d", "u", "", "/run/postgresql", "")),
        ("postgres://u@//run/postgresql/d", ("d", "u", "", "/run/postgresql", "")),
    ],
)
def test_a_database_url_is_parsed(url: str, expected: tuple[str, ...]) -> None:
    settings = database_settings(url)

    assert (
        tuple(settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == expected
    )
    assert database_settings("postgres://h/d?sslmode=require")["OPTIONS"] == {"sslmode": "require"}


def test_no_secret_is_in_the_representation() -> None:
    assert not [secret for secret in SECRETS if secret in repr(Production.read())]
    assert os.environ["S3_SECRET_ACCESS_KEY"] not in repr(Production.read()).replace("_SECRET_", "")
