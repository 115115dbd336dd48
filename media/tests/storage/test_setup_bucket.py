import json
import re
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from media.models import EnvironmentIdentity, own_identity
from media.rules.environment import Identity
from media.storage import ObjectHeaders, factory, private_store, public_store
from media.storage.factory import s3_connection
from media.storage.marker import MARKER_KEY, mark, marker_of
from media.tests.storage import fault_proxy
from media.tests.storage.client import send
from media.tests.storage.fault_proxy import FaultProxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def local_folders(settings: Settings, tmp_path: Path, fresh_stores: None) -> None:
    settings.STORAGE = "local"
    settings.ENVIRONMENT_NAME = "test"
    settings.LOCAL_STORE_DIR = tmp_path


def setup_bucket(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("setup_bucket", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue().splitlines()


@pytest.mark.covers("F27")
def test_both_buckets_are_created_and_marked_once(fresh_buckets: tuple[str, str]) -> None:
    public, private = fresh_buckets

    first = setup_bucket()
    second_output = setup_bucket()

    assert first == [
        f"Created bucket {public}.",
        f"Created bucket {private}.",
        f"Browsers of https://app.example.test may upload to {public}.",
        f"Browsers of https://app.example.test may download from {private}.",
        f"Marked {public} as test.",
        f"Marked {private} as test.",
        f"Objects of {private} cannot be read without a signature.",
        f"A signed PUT is accepted at {s3_connection().public_endpoint_url}.",
    ]
    assert second_output == [
        f"Bucket {public} exists.",
        f"Bucket {private} exists.",
        f"Browsers of https://app.example.test may upload to {public}.",
        f"Browsers of https://app.example.test may download from {private}.",
        f"{public} is marked as test.",
        f"{private} is marked as test.",
        f"Objects of {private} cannot be read without a signature.",
        f"A signed PUT is accepted at {s3_connection().public_endpoint_url}.",
    ]
    assert marker_of(public_store()) == marker_of(private_store()) == own_identity()
    assert [listing.key for listing in public_store().list("temp/")] == []
    assert [listing.key for listing in private_store().list("exports/")] == []


def test_a_browser_preflight_of_an_upload_is_allowed(fresh_buckets: tuple[str, str]) -> None:
    setup_bucket()
    request_headers = {
        "Origin": "https://app.example.test",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-amz-checksum-sha256,if-none-match",
    }
    url = f"{s3_connection().public_endpoint_url}/{fresh_buckets[0]}/temp/a"

    status, headers, _ = send("OPTIONS", url, headers=request_headers)
    foreign_status, _, _ = send(
        "OPTIONS", url, headers=request_headers | {"Origin": "https://evil.example.test"}
    )

    assert status == 200
    assert headers["access-control-allow-origin"] == "https://app.example.test"
    assert "PUT" in headers["access-control-allow-methods"]
    assert "x-amz-checksum-sha256" in headers["access-control-allow-headers"].lower()
    assert foreign_status == 403


def test_a_dry_run_changes_nothing(fresh_buckets: tuple[str, str]) -> None:
    output = setup_bucket("--dry-run")

    assert output == [
        f"Would create bucket {fresh_buckets[0]}.",
        f"Would create bucket {fresh_buckets[1]}.",
        f"Would let browsers of https://app.example.test upload to {fresh_buckets[0]}.",
        f"Would let browsers of https://app.example.test download from {fresh_buckets[1]}.",
        "Would mark both buckets as test unless marked.",
    ]
    assert not EnvironmentIdentity.objects.exists()
    assert setup_bucket()[0] == f"Created bucket {fresh_buckets[0]}."


ID = "01920000-0000-7000-8000-000000000000"
PRODUCTION = Identity(environment="production", database_id="d" * 36, system_identifier="1")


@pytest.mark.covers("F27")
@pytest.mark.usefixtures("local_folders")
@pytest.mark.parametrize("marker", [PRODUCTION, Identity(environment="production")])
def test_the_marker_of_another_environment_stays(marker: Identity) -> None:
    setup_bucket()
    mark(public_store(), marker)

    with pytest.raises(CommandError, match="ENVIRONMENT_NAME is test here and production in the"):
        setup_bucket()

    assert marker_of(public_store()) == marker


@pytest.mark.usefixtures("local_folders")
def test_a_marker_of_an_older_version_is_completed() -> None:
    setup_bucket()
    for store in (public_store(), private_store()):
        mark(store, Identity(environment="test"))

    setup_bucket()

    assert marker_of(public_store()) == marker_of(private_store()) == own_identity()


@pytest.mark.usefixtures("local_folders")
@pytest.mark.parametrize("marker", [None, Identity(environment="test")])
@pytest.mark.parametrize("key", [f"media/{ID}/file.png", f"temp/{ID}_1700000000_a.png"])
def test_a_bucket_of_unknown_objects_is_not_marked(marker: Identity | None, key: str) -> None:
    setup_bucket()
    EnvironmentIdentity.objects.all().delete()
    public_store().put(key, b"x", headers=ObjectHeaders(content_type="image/png"))
    public_store().delete_many([MARKER_KEY])
    if marker is not None:
        mark(public_store(), marker)

    with pytest.raises(CommandError, match="no row of this database names any object in it"):
        setup_bucket()

    assert marker_of(public_store()) == marker


@pytest.mark.usefixtures("local_folders")
def test_a_moved_bucket_is_adopted_with_its_old_identity() -> None:
    setup_bucket()
    for store in (public_store(), private_store()):
        mark(store, PRODUCTION)

    with pytest.raises(CommandError, match=r"--adopt production/d{36}/1"):
        setup_bucket("--adopt", "production")
    assert marker_of(public_store()) == PRODUCTION
    output = setup_bucket("--adopt", str(PRODUCTION))

    assert sum("Adopted" in line for line in output) == 2
    assert marker_of(public_store()) == marker_of(private_store()) == own_identity()


@pytest.mark.usefixtures("local_folders")
def test_adopting_without_a_terminal_requires_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(""))

    with pytest.raises(CommandError, match="--adopt OLD_ID"):
        setup_bucket("--adopt")


@pytest.mark.usefixtures("local_folders")
@pytest.mark.parametrize(("answer", "adopts"), [(str(PRODUCTION), True), ("yes", False)])
def test_the_old_identity_is_shown_and_must_be_typed(
    monkeypatch: pytest.MonkeyPatch, answer: str, *, adopts: bool
) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    setup_bucket()
    mark(public_store(), PRODUCTION)
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    output = StringIO()

    try:
        call_command("setup_bucket", "--adopt", stdout=output)
    except CommandError:
        assert not adopts

    assert f"belongs to {PRODUCTION}" in output.getvalue()
    assert marker_of(public_store()) == (own_identity() if adopts else PRODUCTION)


@pytest.mark.parametrize("code", [400, 403, 405, 409, 501])
@pytest.mark.parametrize("strict", ["", "--strict"])
def test_steps_the_store_does_not_allow_are_left_to_the_operator(
    fresh_buckets: tuple[str, str], settings: Settings, proxy: FaultProxy, code: int, strict: str
) -> None:
    setup_bucket()
    settings.S3_ENDPOINT_URL = proxy.url
    factory.reset()

    def refuse_bucket_calls(handler: fault_proxy.Handler) -> None:
        is_bucket = handler.path.split("?")[0].count("/") == 1 and handler.command != "POST"
        is_refused = is_bucket and "list-type" not in handler.path
        (fault_proxy.status(code) if is_refused else fault_proxy.forward)(handler)

    proxy.plan = lambda _method, _number: refuse_bucket_calls
    output, stderr = StringIO(), StringIO()
    outcome: AbstractContextManager[object] = nullcontext()
    if strict:
        outcome = pytest.raises(CommandError, match="Steps to do manually")
    with outcome:
        call_command("setup_bucket", *filter(None, [strict]), stdout=output, stderr=stderr)

    public, private = fresh_buckets
    for line in (
        f"Could not check bucket {public}: the store answered {code}",
        f"Could not check bucket {private}: the store answered {code}",
        f"Could not set the CORS policy of {public}: the store answered {code}",
        f"Could not set the CORS policy of {private}: the store answered {code}",
        f"Set this CORS policy on bucket {private}:",
    ):
        assert line in stderr.getvalue()
    rules = re.findall(r"^\[$.*?^\]$", stderr.getvalue(), re.DOTALL | re.MULTILINE)
    assert [json.loads(rule)[0]["AllowedMethods"] for rule in rules] == [
        ["PUT", "GET", "HEAD"],
        ["GET", "HEAD"],
    ]
    assert f"{public} is marked as test." in output.getvalue()
    assert "A signed PUT is accepted" in output.getvalue()


def test_a_browser_may_download_from_the_private_bucket(fresh_buckets: tuple[str, str]) -> None:
    setup_bucket()
    url = f"{s3_connection().public_endpoint_url}/{fresh_buckets[1]}/exports/a"
    request_headers = {"Origin": "https://app.example.test", "Access-Control-Request-Method": "GET"}

    status, headers, _ = send("OPTIONS", url, headers=request_headers)

    assert status == 200
    assert headers["access-control-allow-origin"] == "https://app.example.test"
    assert "GET" in headers["access-control-allow-methods"]
    assert "PUT" not in headers["access-control-allow-methods"]


@pytest.mark.usefixtures("local_folders")
def test_the_local_store_gets_its_folders(settings: Settings, tmp_path: Path) -> None:
    first = setup_bucket()
    second_output = setup_bucket()

    assert first[0] == f"Created folder {settings.R2_BUCKET_NAME} under {tmp_path}."
    assert second_output[0] == f"Folder {settings.R2_BUCKET_NAME} exists."
    assert (tmp_path / settings.R2_PRIVATE_BUCKET_NAME / MARKER_KEY).is_file()


@pytest.mark.usefixtures("fresh_stores")
def test_a_missing_store_is_reported(settings: Settings) -> None:
    settings.STORAGE = "s3"
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:1"

    with pytest.raises(CommandError, match="StoreUnavailableError: Could not connect"):
        setup_bucket()


@pytest.mark.usefixtures("local_folders")
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"environment": 1}', b"\xff"])
def test_an_unreadable_marker_counts_as_none(content: bytes, tmp_path: Path) -> None:
    setup_bucket()
    public_store().delete_many([MARKER_KEY])
    (tmp_path / "sartiq-media" / MARKER_KEY).write_bytes(content)

    assert marker_of(public_store()) is None
