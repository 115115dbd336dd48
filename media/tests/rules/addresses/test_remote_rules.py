import pytest

from media.rules.addresses import remote_networks, remote_urls
from media.tests.rules.addresses.remote_spellings import (
    ALLOWED_ADDRESSES,
    REFUSED_ADDRESSES,
    REFUSED_URLS,
)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("url", REFUSED_URLS, ids=ascii)
def test_a_url_that_is_not_plain_https_is_refused(url: str) -> None:
    assert remote_urls.parse(url) is None


def test_there_are_enough_spellings() -> None:
    assert len(set(REFUSED_URLS)) == len(REFUSED_URLS) >= 120


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://pictures.example.com", "pictures.example.com", "/"),
        ("HTTPS://Pictures.Example.COM:443/A.png", "pictures.example.com", "/A.png"),
        ("https://a-1.example.com?x=1&y=%20", "a-1.example.com", "/?x=1&y=%20"),
        ("https://xn--mller-kva.example/ü.png", "xn--mller-kva.example", "/%C3%BC.png"),
        ("https://a.example/x@y:1/(2).png?v='1'", "a.example", "/x@y:1/(2).png?v='1'"),
    ],
)
def test_a_plain_url_is_parsed(url: str, host: str, target: str) -> None:
    parsed = remote_urls.parse(url)

    assert parsed == remote_urls.RemoteUrl(host=host, target=target)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not remote_networks.is_public(address)


@pytest.mark.parametrize("address", ALLOWED_ADDRESSES)
def test_a_public_address_is_allowed(address: str) -> None:
    assert remote_networks.is_public(address)
