"""Fetching of remote images from a real https server; tests choose which addresses are allowed."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from media.storage import RemoteBusyError, RemoteFetcher, deadline_sockets
from media.tests.packets import refuse_packets
from media.tests.rules.addresses.remote_spellings import REFUSED_ADDRESSES, REFUSED_URLS
from media.tests.storage.fetching import fetch, fetch_error
from media.tests.storage.image_server import (
    CERTIFICATE,
    HOST,
    OTHER_HOST,
    ImageServer,
    Response,
    image_server,
)

BODY = b"\x89PNG" + bytes(range(256)) * 1024
NAMES = {HOST: ["127.0.0.1"], OTHER_HOST: ["127.0.0.1"], "private.example.com": ["10.0.0.1"]}


@pytest.fixture(scope="module")
def running() -> Iterator[ImageServer]:
    with image_server() as server:
        yield server


@pytest.fixture
def server(running: ImageServer) -> ImageServer:
    running.responses.clear()
    running.requests.clear()
    return running


@pytest.fixture
def fetcher(server: ImageServer) -> RemoteFetcher:
    return RemoteFetcher(
        resolve=NAMES.__getitem__,
        is_allowed=lambda address: address == "127.0.0.1",
        port=server.port,
        ca_file=str(CERTIFICATE),
        timeout=timedelta(seconds=5),
    )


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return refuse_packets(monkeypatch)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("url", REFUSED_URLS, ids=ascii)
def test_no_packet_is_sent_for_a_url_that_is_not_allowed(packets: list[Any], url: str) -> None:
    assert fetch_error(RemoteFetcher(), url) == ("image_url_not_allowed", False)
    assert packets == []


@pytest.mark.covers("T61")
@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
@pytest.mark.parametrize("others", [[], ["8.8.8.8"]])
def test_a_host_with_an_internal_address_is_not_connected_to(
    packets: list[Any], address: str, others: list[str]
) -> None:
    fetcher = RemoteFetcher(resolve=lambda _host: [*others, address])

    assert fetch_error(fetcher, f"https://{HOST}/a.png") == ("image_url_not_allowed", False)
    assert packets == []


@pytest.mark.covers("T61")
def test_the_address_that_was_checked_is_the_one_connected_to(packets: list[Any]) -> None:
    fetcher = RemoteFetcher(resolve=lambda _host: ["2606:4700:4700::1111", "203.0.114.9"])

    assert fetch_error(fetcher, f"https://{HOST}/a.png") == ("image_unreachable", True)
    assert {packet[0] for packet in packets} == {"203.0.114.9"}


def test_an_image_is_fetched_without_credentials(
    fetcher: RemoteFetcher, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    server.responses["/a.png?v=1"] = Response(body=BODY, headers={"Set-Cookie": "a=1"})

    assert fetch(fetcher, f"https://{HOST}/a.png?v=1") == BODY

    [(_, headers)] = server.requests
    assert headers["Host"] == HOST
    assert headers["User-Agent"].startswith("Sartiq")
    assert not headers.keys() & {"Cookie", "Authorization", "Referer"}


def test_a_certificate_for_another_name_is_refused(
    fetcher: RemoteFetcher, server: ImageServer
) -> None:
    fetcher_of_wrong_name = replace(fetcher, resolve=lambda _host: ["127.0.0.1"])
    fetcher_without_ca = replace(fetcher, ca_file=None)

    assert fetch_error(fetcher_of_wrong_name, "https://evil.example.com/a.png") == (
        "image_unreachable",
        True,
    )
    assert fetch_error(fetcher_without_ca, f"https://{HOST}/a.png") == ("image_unreachable", True)
    assert server.requests == []


def test_three_redirects_are_followed(fetcher: RemoteFetcher, server: ImageServer) -> None:
    locations = [f"https://{OTHER_HOST}/1", "/2", f"//{HOST}/3"]
    for number, location in enumerate(locations):
        server.responses[f"/{number}"] = Response(status=302, headers={"Location": location})
    server.responses["/3"] = Response(body=BODY)

    assert fetch(fetcher, f"https://{HOST}/0") == BODY
    hosts = [headers["Host"] for _, headers in server.requests]
    assert hosts == [HOST, OTHER_HOST, OTHER_HOST, HOST]


@pytest.mark.covers("T61")
@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("https://private.example.com/a.png", "image_url_not_allowed"),
        ("https://127.0.0.1/a.png", "image_url_not_allowed"),
        ("https://169.254.169.254/latest/meta-data/", "image_url_not_allowed"),
        (f"http://{HOST}/a.png", "image_url_not_allowed"),
        (f"https://{HOST}:8443/a.png", "image_url_not_allowed"),
        (f"https://a@{HOST}/a.png", "image_url_not_allowed"),
        ("file:///etc/passwd", "image_url_not_allowed"),
        ("https://[::1", "image_url_not_allowed"),
        ("/here", "image_unreachable"),
        ("", "image_unreachable"),
    ],
)
def test_every_redirect_is_checked(
    fetcher: RemoteFetcher, server: ImageServer, location: str, fault: str
) -> None:
    server.responses["/here"] = Response(status=301, headers={"Location": location})

    assert fetch_error(fetcher, f"https://{HOST}/here") == (fault, False)
    assert server.request_count("/here") == (4 if fault == "image_unreachable" else 1)


def test_a_permit_is_needed_for_the_host_of_each_redirect(
    fetcher: RemoteFetcher, server: ImageServer
) -> None:
    held_hosts, slots = [], []

    @contextmanager
    def host_permit(host: str) -> Iterator[bool]:
        held_hosts.append(host)
        slots.append(held_hosts[:])
        yield True
        held_hosts.remove(host)

    server.responses["/0"] = Response(status=302, headers={"Location": f"https://{OTHER_HOST}/1"})
    server.responses["/1"] = Response(body=BODY)

    assert fetch(replace(fetcher, host_permit=host_permit), f"https://{HOST}/0") == BODY
    assert (slots, held_hosts) == ([[HOST], [OTHER_HOST]], [])


def test_no_request_is_sent_without_a_permit(fetcher: RemoteFetcher, server: ImageServer) -> None:
    @contextmanager
    def host_permit(host: str) -> Iterator[bool]:
        yield host == HOST

    server.responses["/0"] = Response(status=302, headers={"Location": f"https://{OTHER_HOST}/1"})
    target = io.BytesIO()

    with pytest.raises(RemoteBusyError):
        replace(fetcher, host_permit=host_permit).fetch(f"https://{HOST}/0", into=target)

    assert [headers["Host"] for _, headers in server.requests] == [HOST]
    assert target.getvalue() == b""


@pytest.mark.parametrize(
    ("location", "requested"),
    [
        ("/ok#frag", "/ok"),
        (f"https://{HOST}/ok#a#b", "/ok"),
        ("/é.png".encode().decode("latin-1"), "/%C3%A9.png"),
        ("/à.png".encode().decode("latin-1"), "/%C3%A0.png"),
        ("/\xe9.png", "/%C3%A9.png"),
    ],
    ids=ascii,
)
def test_a_redirect_location_is_decoded_as_the_server_sent_it(
    fetcher: RemoteFetcher, server: ImageServer, location: str, requested: str
) -> None:
    server.responses["/here"] = Response(status=302, headers={"Location": location})
    server.responses[requested] = Response(body=BODY)

    assert fetch(fetcher, f"https://{HOST}/here") == BODY


@pytest.mark.parametrize("size", [b"-5", b"five"])
def test_an_invalid_chunk_size_is_retried(
    fetcher: RemoteFetcher, server: ImageServer, size: bytes
) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    server.responses["/a.png"] = Response(body=size + b"\r\nabcde\r\n", length=-1, headers=chunked)

    assert fetch_error(fetcher, f"https://{HOST}/a.png") == ("image_unreachable", True)


@pytest.mark.parametrize(
    ("status", "fault", "is_temporary"),
    [
        (404, "image_not_found", False),
        (410, "image_not_found", False),
        (401, "image_unreachable", False),
        (403, "image_unreachable", False),
        (204, "image_unreachable", False),
        (206, "image_unreachable", False),
        (304, "image_unreachable", False),
        (429, "image_unreachable", True),
        (500, "image_unreachable", True),
        (503, "image_unreachable", True),
    ],
)
def test_an_error_response_is_reported(
    fetcher: RemoteFetcher, server: ImageServer, status: int, fault: str, *, is_temporary: bool
) -> None:
    server.responses["/a.png"] = Response(status=status)

    assert fetch_error(fetcher, f"https://{HOST}/a.png") == (fault, is_temporary)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("length", [None, -1, 51 * 1024 * 1024])
def test_reading_stops_at_the_size_limit(
    fetcher: RemoteFetcher, server: ImageServer, length: int | None
) -> None:
    server.responses["/a.png"] = Response(body=BODY, repeats=5, length=length)
    small_limit_fetcher = replace(fetcher, max_bytes=4 * len(BODY))

    assert fetch_error(small_limit_fetcher, f"https://{HOST}/a.png") == ("file_too_large", False)


def test_a_body_that_ends_early_is_retried(fetcher: RemoteFetcher, server: ImageServer) -> None:
    server.responses["/a.png"] = Response(body=BODY, length=len(BODY) + 1)

    assert fetch_error(fetcher, f"https://{HOST}/a.png") == ("image_unreachable", True)


@pytest.mark.covers("T61")
def test_a_slow_server_is_abandoned_in_time(fetcher: RemoteFetcher, server: ImageServer) -> None:
    may_end = threading.Event()
    server.responses["/a.png"] = Response(body=b"x" * 100, repeats=1000, hold=may_end)
    impatient_fetcher = replace(fetcher, timeout=timedelta(seconds=1))

    assert fetch_error(impatient_fetcher, f"https://{HOST}/a.png") == ("image_unreachable", True)
    may_end.set()


def test_one_step_may_take_all_the_remaining_time(
    fetcher: RemoteFetcher, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline_sockets, "CONNECT_SECONDS", 1e-6)
    monkeypatch.setattr(deadline_sockets, "READ_SECONDS", 0.01)
    monkeypatch.setattr(deadline_sockets, "_READ", timedelta(seconds=0.01))
    pause = threading.Event()
    server.responses["/a.png"] = Response(body=BODY, repeats=2, hold=pause)

    assert fetch(fetcher, f"https://{HOST}/a.png") == BODY * 2


@pytest.mark.covers("T61")
def test_a_silent_server_is_abandoned_in_time(fetcher: RemoteFetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_server:
        impatient_fetcher = replace(
            fetcher, port=silent_server.getsockname()[1], timeout=timedelta(milliseconds=300)
        )
        start = time.monotonic()

        assert fetch_error(impatient_fetcher, f"https://{HOST}/a.png") == (
            "image_unreachable",
            True,
        )
        assert time.monotonic() - start < deadline_sockets.CONNECT_SECONDS


def test_an_unknown_host_name_is_reported(fetcher: RemoteFetcher) -> None:
    def unknown(_host: str) -> list[str]:
        raise socket.gaierror

    fetcher_without_dns = replace(fetcher, resolve=unknown)

    assert fetch_error(fetcher_without_dns, f"https://{HOST}/a.png") == ("image_unreachable", True)
