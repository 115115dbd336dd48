from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from pytest_django import Settings

from media.storage import private_store
from media.storage.django_backend import PrivateS3Storage, PrivateStorage
from media.tests.storage.client import send


@pytest.fixture
def on_s3(settings: Settings, stack: dict[str, str], fresh_stores: None) -> None:
    settings.STORAGE = "s3"


@pytest.fixture
def on_disk(local_server: str) -> None:
    """Both stores are local."""


@pytest.mark.covers("T26")
@pytest.mark.parametrize("stores_fixture", ["on_s3", "on_disk"])
def test_a_saved_file_is_private_and_has_a_signed_url(
    request: pytest.FixtureRequest, prefix: str, stores_fixture: str
) -> None:
    request.getfixturevalue(stores_fixture)
    storage = PrivateStorage()

    name = storage.save(f"loras/{prefix}model.pt", ContentFile(b"weights"))

    url = storage.url(name)
    with storage.open(name) as file:
        assert file.read() == b"weights"
    assert private_store().head(name).size == 7
    assert send("GET", url)[2] == b"weights"
    assert send("GET", url.partition("?")[0])[0] == 403
    storage.delete(name)
    assert not storage.exists(name)
    if isinstance(storage, PrivateS3Storage):
        storage.connection.meta.client.close()


@pytest.mark.parametrize("stores_fixture", ["on_s3", "on_disk"])
def test_a_second_file_of_one_name_does_not_replace_the_first(
    request: pytest.FixtureRequest, prefix: str, stores_fixture: str
) -> None:
    request.getfixturevalue(stores_fixture)
    storage = PrivateStorage()

    first = storage.save(f"loras/{prefix}model.pt", ContentFile(b"one"))
    second = storage.save(f"loras/{prefix}model.pt", ContentFile(b"two"))

    assert first != second
    with storage.open(first) as file:
        assert file.read() == b"one"
    if isinstance(storage, PrivateS3Storage):
        storage.connection.meta.client.close()


@pytest.mark.covers("T12")
@pytest.mark.usefixtures("on_s3")
def test_the_s3_backend_has_the_same_client_configuration() -> None:
    storage = PrivateS3Storage()

    config = storage.connection.meta.client.meta.config

    assert config.signature_version == "s3v4"
    assert config.s3["addressing_style"] == "path"
    assert config.request_checksum_calculation == "when_required"
    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    storage.connection.meta.client.close()


@pytest.mark.usefixtures("on_disk")
def test_the_local_backend_uses_the_private_folder(settings: Settings, tmp_path: Path) -> None:
    storage = PrivateStorage()

    assert isinstance(storage, FileSystemStorage)
    assert Path(storage.location) == tmp_path / settings.R2_PRIVATE_BUCKET_NAME
