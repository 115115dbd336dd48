"""Every variable, at its bounds and beyond; `test_production` boots with some of them."""

import os

import pytest
from annotated_types import Ge
from django.core.exceptions import ImproperlyConfigured

from media.rules.decode_costs import largest_memory
from media.rules.limits import MAX_PIXELS
from sartiq.settings import environment
from sartiq.settings.environment import Development, Production
from sartiq.settings.tests.test_production import COMPLETE
from sartiq.settings.values import database_settings

SECRETS = ("0123456789abcdef" * 4, "hidden-word")
REFUSED = [
    ("SECRET_KEY", "hidden-word", "is shorter than 32 bytes"),
    ("SECRET_KEY", "ab" * 20, "has fewer than 5 different characters"),
    ("ALLOWED_HOSTS", "*", "must name the hosts, not '*'"),
    ("ALLOWED_HOSTS", "a.example,*.example", "must name the hosts, not '*'"),
    ("ALLOWED_HOSTS", "https://a.example", "lists something that is not a host name"),
    ("ALLOWED_HOSTS", "a.example:8000", "lists something that is not a host name"),
    *(
        ("ALLOWED_HOSTS", host, "lists something that is not a host name")
        for host in (
            "::1",
            "[::g]",
            "[1:::2]",
            "-",
            "a..example",
            "a b",
            "'a.example'",
            "1.2.3.999",
        )
    ),
    ("ALLOWED_HOSTS", " , ", "Set ALLOWED_HOSTS"),
    ("ENVIRONMENT_NAME", "two words", "is 'two words'"),
    ("DATABASE_URL", "mysql://u:hidden-word@h/d", "has an unknown scheme"),
    ("DATABASE_URL", "sartiq", "has an unknown scheme"),
    ("DATABASE_URL", "postgres://u:hidden-word@h/", "names no database"),
    ("DATABASE_URL", "postgres://u:hidden-word@h:no/d", "has a port that is not a number"),
    ("DATABASE_URL", "postgres://u:hidden-word@h/d?no=1", "is not a valid address"),
    ("DATABASE_URL", "postgres://u:hidden-word@x@h/d", "has no valid host; write @"),
    ("DATABASE_URL", "postgres://u:hidden-word@h/a/b", "has more than a database name"),
    ("DATABASE_URL", "postgres://u:hidden-word@h:1,h2:0/d", "has a port that is not a number"),
    ("DATABASE_URL", "postgres://u:hidden-word@h/d?sslmode=maybe", "has an sslmode other than"),
    ("DATABASE_URL", "postgres://h/d?connect_timeout=soon", "has a connect_timeout that is not"),
    ("DATABASE_URL", "postgres://h/d?options=-c%20x%3D1", "has options, which the product sets"),
    ("BROKER_URL", "redis://:hidden-word@h/0?socket_timeout=1", "has an unknown option"),
    ("BROKER_URL", "redis://h/0?ssl_cert_reqs=none", "has an unknown option"),
    ("BROKER_URL", "rediss://h/0?ssl_cert_reqs=maybe", "has an ssl_cert_reqs that is not none"),
    ("BROKER_URL", "redis+socket:///run/v.sock?virtual_host=x", "has a database that is not a"),
    ("BROKER_URL", "redis+socket://h/run/v.sock", "has no socket path"),
    ("BROKER_URL", "redis://:hidden-word%zz@h/0", "contains a character that must be written"),
    ("BROKER_URL", "redis://-/0", "has no valid host"),
    ("BROKER_URL", "amqp://u:hidden-word@h//", "has an unknown scheme"),
    ("BROKER_URL", "redis:///0", "has no host"),
    ("BROKER_URL", "redis://u:hidden-word@h/queue", "has a database that is not a number"),
    ("BROKER_URL", "redis://:hidden-word@h:99999/0", "is not a valid address"),
    ("BROKER_URL", "redis+socket://", "has no socket path"),
    ("PUBLIC_BASE_URL", "files.example", "does not begin with http:// or https://"),
    ("PUBLIC_BASE_URL", "ftp://files.example", "does not begin with http:// or https://"),
    ("PUBLIC_BASE_URL", "https://", "has no valid host"),
    ("PUBLIC_BASE_URL", "https:///path", "has no valid host"),
    ("PUBLIC_BASE_URL", "https://files example", "contains a space"),
    ("PUBLIC_BASE_URL", "https://files.example:0", "has port 0"),
    ("PUBLIC_BASE_URL", "https://files.example:port", "is not a valid address"),
    ("PUBLIC_BASE_URL", "https://256.1.1.9", "has no valid host"),
    ("PUBLIC_BASE_URL", "https://files.example:", "ends its host with a colon"),
    ("PUBLIC_BASE_URL", 'https://files.example/"x', "contains a character that must be written"),
    ("PUBLIC_BASE_URL", "https://files.example/a/../b", "has a path with '.', '..'"),
    ("S3_ENDPOINT_URL", "https://store.example/media%2Fx", "has a path with '.', '..'"),
    ("R2_PUBLIC_URL", "https://store.example", "is S3_ENDPOINT_URL or S3_PUBLIC_ENDPOINT_URL"),
    ("R2_PUBLIC_URL", "https://store.example/private/", "names the private bucket (private)"),
    ("CDN_URL", "https://private.store.example", "names the private bucket (private)"),
    ("R2_PUBLIC_URL", "https://1.r2.cloudflarestorage.com/media", "is the S3 API of R2"),
    ("S3_ACCESS_KEY_ID", "'hidden-word'", "contains a space, a quote"),
    ("S3_SECRET_ACCESS_KEY", "hidden-word\nx", "contains a space, a quote"),
    ("S3_SECRET_ACCESS_KEY", "hidden-wörd", "contains a space, a quote"),
    ("R2_BUCKET_NAME", "a..b", "is not the name of a bucket"),
    ("R2_PRIVATE_BUCKET_NAME", "10.0.0.1", "is not the name of a bucket"),
    ("DECODE_MEMORY_BYTES", "3000000000", "Allowed: a whole number from 3129478485 to"),
    ("S3_ENDPOINT_URL", "https://key:hidden-word@store.example", "contains a user or a password"),
    ("S3_PUBLIC_ENDPOINT_URL", "//store.example", "does not begin with http:// or https://"),
    ("R2_PUBLIC_URL", "https://cdn.example?x", "contains a query or a fragment"),
    ("CDN_URL", "https://[", "is not a valid address"),
    ("CDN_URL", "https://cdn.example#x", "contains a query or a fragment"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example/", "lists an origin with a path"),
    ("CORS_ALLOWED_ORIGINS", "a.example", "does not begin with http:// or https://"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example,*", "does not begin with http:// or https://"),
    ("STORAGE", "gcs", "is 'gcs'. Allowed: s3 or local"),
    ("LOCAL_STORE_DIR", "store", "is not an absolute path"),
    ("TEMPORARY_DIR", "temporary", "is not an absolute path"),
    ("S3_REGION", "eu west", "is 'eu west'"),
    ("R2_BUCKET_NAME", "Media", "is 'Media'"),
    ("R2_BUCKET_NAME", "ab", "is 'ab'"),
    ("R2_PRIVATE_BUCKET_NAME", "media", "is the same bucket as R2_BUCKET_NAME"),
    ("TASK_TIME_LIMIT", "900", "must be above TASK_TIME_LIMIT"),
    ("ASSEMBLY_TIME_LIMIT", "901", "must be above ASSEMBLY_TIME_LIMIT"),
    ("VISIBILITY_TIMEOUT", "840", "must be above ASSEMBLY_TIME_LIMIT"),
    ("TASK_TIME_LIMIT", "20", "DECODE_WALL_SECONDS must be below TASK_TIME_LIMIT"),
    ("LOG_LEVEL", "loud", "is 'loud'. Allowed: DEBUG or INFO"),
    ("PROXY_COUNT", "-1", "is '-1'. Allowed: a whole number from 0 to 10"),
    ("PROXY_COUNT", "one", "is 'one'. Allowed: a whole number from 0 to 10"),
    ("LEASE_SECONDS", "0", "is '0'. Allowed: a whole number from 1 to"),
    ("LEASE_SECONDS", "2.5", "is '2.5'. Allowed: a whole number from 1 to"),
    ("DATABASE_STATEMENT_SECONDS", "0", "is '0'. Allowed: a whole number from 1 to"),
    ("SECURE_HSTS_SECONDS", "-1", "is '-1'. Allowed: a whole number from 0 to"),
    *(
        (name, "perhaps", "is 'perhaps'. Allowed: true or false")
        for name, field in Production.model_fields.items()
        if field.annotation is bool
    ),
    *(
        (name, value, "Allowed: a whole number from")
        for name, field in Production.model_fields.items()
        if field.annotation is int
        for value in ("-1", "99999999999", "many", "nan", "1_0", "10.0", "+10", "1e1", "'10'")
    ),
]


R2 = "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"
BUCKETS = {"R2_BUCKET_NAME": "media", "R2_PRIVATE_BUCKET_NAME": "private"}


@pytest.fixture(autouse=True)
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Production.model_fields:
        monkeypatch.delenv(name, raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("name", "value", "problem"), REFUSED)
def test_a_bad_value_is_refused_by_name_with_what_is_allowed(
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
def test_an_endpoint_that_is_a_bucket_or_a_public_address_is_refused(
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
def test_the_endpoints_people_have_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for variable, value in (BUCKETS | {"S3_ENDPOINT_URL": url}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "")

    Production.read()


def test_r2_takes_uploads_at_its_own_address_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", R2)
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "https://files.example.net")

    with pytest.raises(ImproperlyConfigured, match="is not the S3 API of R2"):
        Production.read()


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = {"PROXY_COUNT": "-1", "STORAGE": "gcs", "SECRET_KEY": "", "LOG_LEVEL": "loud"}
    invalid |= {"R2_PRIVATE_BUCKET_NAME": "media", "TASK_TIME_LIMIT": "5000"}
    for name, value in invalid.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as excinfo:
        Production.read()

    assert len(str(excinfo.value).splitlines()) == 1 + len(invalid)
    assert not [name for name in invalid if name not in str(excinfo.value)]


def test_every_variable_has_a_range_that_is_refused() -> None:
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
def test_a_sound_value_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    Production.read()


def test_an_origin_is_compared_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "HTTPS://A.example:443,http://[::1]:5173")

    assert Production.read().CORS_ALLOWED_ORIGINS == ["https://a.example", "http://[::1]:5173"]


def test_the_smallest_memory_for_decodes_takes_the_largest_image() -> None:
    least = next(
        each.ge
        for each in Production.model_fields["DECODE_MEMORY_BYTES"].metadata
        if isinstance(each, Ge)
    )

    assert least == largest_memory(MAX_PIXELS) * 4 // 3


def test_addresses_default_to_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_PUBLIC_ENDPOINT_URL", "")
    monkeypatch.setenv("R2_PUBLIC_URL", "https://cdn.example/")

    read = Production.read()

    assert read.S3_PUBLIC_ENDPOINT_URL == read.S3_ENDPOINT_URL
    assert read.CDN_URL == read.R2_PUBLIC_URL == "https://cdn.example"


def test_development_and_tests_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_database_address_is_taken_apart(url: str, expected: tuple[str, ...]) -> None:
    settings = database_settings(url)

    assert (
        tuple(settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == expected
    )
    assert database_settings("postgres://h/d?sslmode=require")["OPTIONS"] == {"sslmode": "require"}


def test_no_secret_is_in_the_representation() -> None:
    assert not [secret for secret in SECRETS if secret in repr(Production.read())]
    assert os.environ["S3_SECRET_ACCESS_KEY"] not in repr(Production.read()).replace("_SECRET_", "")
