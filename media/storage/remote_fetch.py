"""Download of images from public internet addresses only.

A host name is resolved once. All its addresses must be public, and the connection goes to one of
the checked addresses, so a later change of the DNS record has no effect. Redirects are checked in
the same way. No cookies, credentials or proxies are used.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import BinaryIO, Final
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import ProtocolError as EndedEarlyError

from media.errors import StoreUnavailableError
from media.rules.addresses import remote_networks, remote_urls
from media.rules.addresses.remote_urls import RemoteUrl
from media.rules.limits import MAX_FILE_SIZE, MIB
from media.storage.deadline import time_limit, within
from media.storage.deadline_sockets import pinned_pool

MAX_REDIRECTS: Final = 3
MAX_DURATION: Final = timedelta(seconds=10)
CHUNK_BYTES: Final = 64 * 1024
USER_AGENT: Final = "Sartiq-Import/1.0 (product images; https://sartiq.com)"
PORT: Final = 443
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MISSING: Final = frozenset({404, 410})
_TEMPORARY_STATUSES: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_OK: Final = 200

Resolve = Callable[[str], Sequence[str]]
IsAllowed = Callable[[str], bool]
HostPermit = Callable[[str], AbstractContextManager[bool]]


class RemoteFault(StrEnum):
    """The codes of a failed download."""

    NOT_ALLOWED = "image_url_not_allowed"
    NOT_FOUND = "image_not_found"
    TOO_LARGE = "file_too_large"
    UNREACHABLE = "image_unreachable"
    NOT_AN_IMAGE = "content_type_mismatch"


class RemoteError(Exception):
    """Raised when a remote image cannot be fetched; `is_temporary` if a retry may succeed."""

    def __init__(self, fault: RemoteFault, message: str, *, is_temporary: bool = False) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.is_temporary = is_temporary


class RemoteBusyError(Exception):
    """Raised when the maximum number of requests to a host is reached."""


NOT_PUBLIC: Final = "The URL leads to a network that is not public. Use a public https URL."
URL_NOT_ALLOWED: Final = "Only plain https URLs can be fetched."
TOO_LARGE: Final = f"The file is larger than {MAX_FILE_SIZE // MIB} MiB."
TOO_MANY_REDIRECTS: Final = f"The URL redirects more than {MAX_REDIRECTS} times."
TOO_SLOW: Final = f"The server did not send the file within {MAX_DURATION.seconds} seconds."
CUT_OFF: Final = "The server closed the connection before the end of the file."
INVALID_RESPONSE: Final = "The server sent an invalid HTTP response."
NO_RESPONSE: Final = "The server does not respond, or its certificate is not valid."


def resolve_host(host: str) -> list[str]:
    """Return every address of a host name."""
    infos = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in infos))


@dataclass(frozen=True, kw_only=True)
class RemoteFetcher:
    """Downloads remote images; tests replace the resolver, the address check and the server.

    `host_permit` is entered with the host of each request and yields whether the request may be
    sent now.
    """

    resolve: Resolve = resolve_host
    is_allowed: IsAllowed = remote_networks.is_public
    port: int = PORT
    ca_file: str | None = None
    host_permit: HostPermit = lambda _host: nullcontext(enter_result=True)
    timeout: timedelta = MAX_DURATION
    max_bytes: int = MAX_FILE_SIZE

    def fetch(self, url: str, *, into: BinaryIO) -> int:
        """Write the file at `url` to `into` and return its size.

        Raises RemoteError, or RemoteBusyError before the first byte.
        """
        with time_limit(self.timeout), _translated():
            for _ in range(MAX_REDIRECTS + 1):
                with self._request(url) as response:
                    if response.status not in _REDIRECTS:
                        _require_ok(response)
                        return sum(map(into.write, self._read(response)))
                    url = _redirect_target(response, url)
            raise RemoteError(RemoteFault.UNREACHABLE, TOO_MANY_REDIRECTS)

    @contextmanager
    def _request(self, url: str) -> Iterator[BaseHTTPResponse]:
        """Request one URL; close the response and release the permit at the end of the block."""
        target = remote_urls.parse(url)
        if target is None:
            raise RemoteError(RemoteFault.NOT_ALLOWED, URL_NOT_ALLOWED)
        with self.host_permit(target.host) as is_free:
            if not is_free:
                raise RemoteBusyError
            response = self._send(target)
            try:
                yield response
            finally:
                response.close()

    def _send(self, target: RemoteUrl) -> BaseHTTPResponse:
        pool = pinned_pool(
            self._address_of(target.host),
            port=self.port,
            host=target.host,
            ca_file=self.ca_file,
        )
        return pool.urlopen(
            "GET",
            target.target,
            headers={
                "Host": target.host,
                "User-Agent": USER_AGENT,
                "Accept": "image/*",
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def _address_of(self, host: str) -> str:
        """Return an address of a host whose addresses are all allowed."""
        addresses = within(self.timeout, lambda: self.resolve(host))
        if not addresses or not all(map(self.is_allowed, addresses)):
            raise RemoteError(RemoteFault.NOT_ALLOWED, NOT_PUBLIC)
        # Prefer IPv4: many machines have no IPv6.
        return min(addresses, key=lambda address: ":" in address)

    def _read(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        declared = response.headers.get("Content-Length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > self.max_bytes:
            raise RemoteError(RemoteFault.TOO_LARGE, TOO_LARGE)
        size = 0
        for data in response.stream(CHUNK_BYTES, decode_content=False):
            size += len(data)
            if size > self.max_bytes:
                raise RemoteError(RemoteFault.TOO_LARGE, TOO_LARGE)
            yield data


def _redirect_target(response: BaseHTTPResponse, url: str) -> str:
    """Return the URL of a redirect without its fragment."""
    location = response.headers.get("Location", "").partition("#")[0]
    with suppress(UnicodeError):  # http.client decodes as Latin-1; the server may have sent UTF-8
        location = location.encode("latin-1").decode()
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise RemoteError(RemoteFault.NOT_ALLOWED, URL_NOT_ALLOWED) from error


def _require_ok(response: BaseHTTPResponse) -> None:
    status = response.status
    if status == _OK:
        return
    if status in _MISSING:
        raise RemoteError(RemoteFault.NOT_FOUND, f"The server has no such file ({status}).")
    is_temporary = status in _TEMPORARY_STATUSES or status >= _SERVER_ERROR
    message = f"The server answered {status} instead of sending the image."
    raise RemoteError(RemoteFault.UNREACHABLE, message, is_temporary=is_temporary)


@contextmanager
def _translated() -> Iterator[None]:
    """Translate network errors into RemoteError."""
    try:
        yield
    except (TimeoutError, StoreUnavailableError) as error:
        raise RemoteError(RemoteFault.UNREACHABLE, TOO_SLOW, is_temporary=True) from error
    except HTTPError as error:
        raise RemoteError(
            RemoteFault.UNREACHABLE, _message_for(error), is_temporary=True
        ) from error
    except OSError as error:
        raise RemoteError(RemoteFault.UNREACHABLE, NO_RESPONSE, is_temporary=True) from error
    except ValueError as error:  # such as an invalid chunk size
        raise RemoteError(RemoteFault.UNREACHABLE, INVALID_RESPONSE, is_temporary=True) from error


def _message_for(error: HTTPError) -> str:
    if isinstance(error, SSLError | NewConnectionError):
        return NO_RESPONSE
    if isinstance(error, EndedEarlyError):
        return CUT_OFF
    return TOO_SLOW
