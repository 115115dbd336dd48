"""A light load generator: it sends the same bytes over keep-alive connections, in one event loop.

It shares the CPU with the measured server. It uses a third of the CPU time that a process for each
connection would use.
"""

import select
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What one round of load measured: requests per second, and the 99th percentile in ms."""

    rate: float
    p99: float
    statuses: frozenset[int]


def request_bytes(
    url: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """Return one HTTP/1.1 request as bytes."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def send_load(url: str, request: bytes, *, seconds: float, clients: int = 4) -> Load:
    """Send `request` over `clients` connections, each again as soon as its response has arrived."""
    host, _, port = urlsplit(url).netloc.partition(":")
    with ExitStack() as stack:
        exchanges = {}
        for _ in range(clients):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            exchanges[connection.fileno()] = _Exchange(connection, request)
        return _drive(exchanges, seconds)


def medians(rounds: Sequence[Load]) -> tuple[float, float]:
    """Return the median rate and the median 99th percentile of several rounds."""
    return (
        statistics.median(figures.rate for figures in rounds),
        statistics.median(figures.p99 for figures in rounds),
    )


def measure_in_turn(
    measures: dict[str, Callable[[], Load]], *, rounds: int
) -> dict[str, list[Load]]:
    """Measure all in turn, round by round, so that other work on the machine affects all alike."""
    results: dict[str, list[Load]] = {name: [] for name in measures}
    for measure in measures.values():
        measure()  # warm up
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(measure())
    return results


def _drive(exchanges: "dict[int, _Exchange]", seconds: float) -> Load:
    with select.epoll() as poll:
        for number, exchange in exchanges.items():
            poll.register(number, select.EPOLLIN)
            exchange.begin()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            for number, _ in poll.poll(1.0):
                if exchanges[number].read_more():
                    exchanges[number].begin()
        elapsed = time.perf_counter() - started
    times = sorted(seconds for exchange in exchanges.values() for seconds in exchange.times)
    statuses = frozenset(status for exchange in exchanges.values() for status in exchange.statuses)
    return Load(rate=len(times) / elapsed, p99=percentile(times, 0.99) * 1000, statuses=statuses)


class _Exchange:
    """One connection: a request, its response, the next request."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self.connection = connection
        self.request = request
        self.times: list[float] = []
        self.statuses: set[int] = set()

    def begin(self) -> None:
        self._read = b""
        self._sent = time.perf_counter()
        self.connection.sendall(self.request)

    def read_more(self) -> bool:
        """Read what has arrived; return whether the response is complete."""
        more = self.connection.recv(65536)
        if not more:
            raise ConnectionError("the server closed the connection")
        self._read += more
        if not is_whole(self._read):
            return False
        self.times.append(time.perf_counter() - self._sent)
        self.statuses.add(int(self._read[9:12]))
        return True


def is_whole(response: bytes) -> bool:
    """Return whether a response is complete."""
    end = response.find(b"\r\n\r\n")
    if end < 0:
        return False
    lowered = response[:end].lower()
    length = lowered.find(b"content-length:")
    if length < 0:
        return b"chunked" in lowered and response.endswith(b"\r\n0\r\n\r\n")
    content_length = lowered[length + 15 :].split(b"\r\n", 1)[0]
    return len(response) >= end + 4 + int(content_length)


def percentile(times: Sequence[float], share: float) -> float:
    """Return a percentile of sorted values, such as 0.99."""
    return times[min(len(times) - 1, int(len(times) * share))]
