"""A load generator that sends requests at a fixed rate, however long the responses take.

A latency counts from the moment a request is due, so it includes the wait for a free connection.
"""

import heapq
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from benchmarks.load import is_whole, percentile

DRAIN_SECONDS = 15.0  # for the last responses
MAX_BACKLOG = 10_000


@dataclass
class Stream:
    """Requests of one kind; `requests` yields their bytes."""

    rate: float
    requests: Iterator[bytes]


@dataclass
class Outcome:
    """The responses to one stream: for each status, the latencies in seconds."""

    latencies: dict[int, list[float]] = field(default_factory=dict)
    completed_before_end: Counter[int] = field(default_factory=Counter)  # before the end of the run

    def add(self, status: int, seconds: float, *, completed_before_end: bool) -> None:
        """Record one response."""
        self.latencies.setdefault(status, []).append(seconds)
        self.completed_before_end[status] += completed_before_end

    def times(self, *statuses: int) -> list[float]:
        """Return the sorted latencies of these statuses, of all if none are given."""
        chosen = statuses or tuple(self.latencies)
        return sorted(seconds for status in chosen for seconds in self.latencies.get(status, []))

    def milliseconds(self, fraction: float, *statuses: int) -> float:
        """Return a percentile of the latencies: 0.99 for the 99th."""
        times = self.times(*statuses)
        return percentile(times, fraction) * 1000 if times else 0.0

    @property
    def counts(self) -> str:
        """Return how many responses had each status."""
        counted = Counter({status: len(times) for status, times in self.latencies.items()})
        return ", ".join(f"{number} x {status}" for status, number in sorted(counted.items()))


def send_at_rate(
    url: str, streams: Mapping[str, Stream], *, seconds: float, connections: int
) -> dict[str, Outcome]:
    """Send every stream for a time over shared keep-alive connections."""
    host, _, port = urlsplit(url).netloc.partition(":")
    driver = _Driver((host, int(port)), streams, seconds=seconds, connections=connections)
    try:
        driver.drive()
    finally:
        driver.close()
    return driver.outcomes


@dataclass
class _Request:
    name: str
    content: bytes
    due: float


@dataclass
class _Connection:
    socket: socket.socket
    request: _Request
    response: bytes = b""


class _Driver:
    """One run: it sends each request when it is due, over at most `connections` connections."""

    def __init__(
        self,
        address: tuple[str, int],
        streams: Mapping[str, Stream],
        *,
        seconds: float,
        connections: int,
    ) -> None:
        self._address = address
        self._streams = streams
        self._max_connections = connections
        self._started = time.perf_counter()
        self._ends = self._started + seconds
        self._order = count()  # so that the heap never has to compare names
        self._due = [
            (self._started + 1 / stream.rate * number / len(streams), next(self._order), name)
            for number, (name, stream) in enumerate(streams.items())
        ]
        heapq.heapify(self._due)
        self._backlog: deque[_Request] = deque()
        self._free: list[socket.socket] = []
        self._busy: dict[int, _Connection] = {}
        self._poll = select.epoll()
        self.outcomes = {name: Outcome() for name in streams}

    def drive(self) -> None:
        """Send until the end, then wait for the last responses."""
        while (now := time.perf_counter()) < self._ends + DRAIN_SECONDS:
            self._add_due(now)
            if now >= self._ends and not self._busy and not self._backlog:
                return
            self._send_backlog()
            for descriptor, _ in self._poll.poll(self._seconds_until_due()):
                self._receive(self._busy[descriptor])

    def close(self) -> None:
        """Close all connections; requests without a response count as status 0."""
        for request in [*(busy.request for busy in self._busy.values()), *self._backlog]:
            self.outcomes[request.name].add(
                0, time.perf_counter() - request.due, completed_before_end=False
            )
        for connection in [*self._free, *(busy.socket for busy in self._busy.values())]:
            connection.close()
        self._poll.close()

    def _seconds_until_due(self) -> float:
        until = self._due[0][0] if self._due else self._ends + DRAIN_SECONDS
        return max(0.0, until - time.perf_counter())

    def _add_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            due, _, name = heapq.heappop(self._due)
            if due >= self._ends:
                continue
            stream = self._streams[name]
            if len(self._backlog) < MAX_BACKLOG:
                self._backlog.append(_Request(name, next(stream.requests), due))
            heapq.heappush(self._due, (due + 1 / stream.rate, next(self._order), name))

    def _send_backlog(self) -> None:
        while self._backlog and len(self._busy) < self._max_connections:
            connection = self._free.pop() if self._free else self._connect()
            request = self._backlog.popleft()
            connection.sendall(request.content)
            self._busy[connection.fileno()] = _Connection(connection, request)
            self._poll.register(connection.fileno(), select.EPOLLIN)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _receive(self, busy: _Connection) -> None:
        received = busy.socket.recv(65536)  # empty: the server has closed the connection
        busy.response += received
        if received and not is_whole(busy.response):
            return
        descriptor = busy.socket.fileno()
        self._poll.unregister(descriptor)
        del self._busy[descriptor]
        status = int(busy.response[len("HTTP/1.1 ") :][:3] or 0)
        now = time.perf_counter()
        self.outcomes[busy.request.name].add(
            status, now - busy.request.due, completed_before_end=now < self._ends
        )
        if received and b"\r\nconnection: close" not in busy.response[:2000].lower():
            self._free.append(busy.socket)
        else:
            busy.socket.close()


def repeated(request: bytes) -> Iterator[bytes]:
    """Yield the same request forever."""
    while True:
        yield request


def in_turn(requests: Sequence[bytes]) -> Iterator[bytes]:
    """Yield each request once."""
    yield from requests
