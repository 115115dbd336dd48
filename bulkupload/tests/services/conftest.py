from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django import Settings

from media.storage import RemoteFetcher
from media.tests.factories import photo
from media.tests.storage.image_server import (
    CERTIFICATE,
    ImageServer,
    Response,
    image_server,
)


@pytest.fixture(scope="module")
def running() -> Iterator[ImageServer]:
    with image_server() as server:
        yield server


@pytest.fixture
def server(running: ImageServer, settings: Settings) -> ImageServer:
    settings.BULK_REMOTE_IMAGES = True
    running.requests.clear()
    running.responses = {"/1.png": Response(body=photo(1)), "/2.png": Response(body=photo(2))}
    return running


@pytest.fixture
def fetcher(server: ImageServer) -> RemoteFetcher:
    return RemoteFetcher(
        resolve=lambda _host: ["127.0.0.1"],
        is_allowed=lambda address: address == "127.0.0.1",
        port=server.port,
        ca_file=str(CERTIFICATE),
        timeout=timedelta(seconds=5),
    )


@pytest.fixture
def small_chunks(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 4
