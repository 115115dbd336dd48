"""Fetching one URL in tests."""

import io

import pytest

from media.storage import RemoteError, RemoteFetcher


def fetch(fetcher: RemoteFetcher, url: str) -> bytes:
    into = io.BytesIO()
    assert fetcher.fetch(url, into=into) == len(into.getvalue())
    return into.getvalue()


def refusal(fetcher: RemoteFetcher, url: str) -> tuple[str, bool]:
    with pytest.raises(RemoteError) as excinfo:
        fetcher.fetch(url, into=io.BytesIO())
    assert "http" not in excinfo.value.message.partition(" https ")[2]
    return str(excinfo.value.fault), excinfo.value.is_temporary
