"""Fetching one URL in tests."""

import io

import pytest

from media.storage import RemoteError, RemoteFetcher


def fetch(fetcher: RemoteFetcher, url: str) -> bytes:
    target = io.BytesIO()
    assert fetcher.fetch(url, into=target) == len(target.getvalue())
    return target.getvalue()


def fetch_error(fetcher: RemoteFetcher, url: str) -> tuple[str, bool]:
    with pytest.raises(RemoteError) as excinfo:
        fetcher.fetch(url, into=io.BytesIO())
    assert "http" not in excinfo.value.message.partition(" https ")[2]
    return str(excinfo.value.fault), excinfo.value.is_temporary
