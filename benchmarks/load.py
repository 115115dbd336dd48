"""A load generator that costs little: keep-alive connections, fixed bytes, blocking sockets.

Each client is a process of its own, so that the clients' interpreter lock limits nobody.
"""

import socket
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
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
    """Return one HTTP/1.1 request as it goes over the wire."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def press(url: str, request: bytes, *, seconds: float, clients: int = 4) -> Load:
    """Send `request` over `clients` connections for a time, each as fast as answers come."""
    with ProcessPoolExecutor(max_workers=clients) as pool:
        host, _, port = urlsplit(url).netloc.partition(":")
        work = partial(_client, host, int(port), request)
        results = list(pool.map(work, [seconds] * clients))
    times = sorted(each for result in results for each in result[0])
    elapsed = max(result[2] for result in results)
    statuses = frozenset(status for result in results for status in result[1])
    return Load(rate=len(times) / elapsed, p99=_p99(times) * 1000, statuses=statuses)


def medians(rounds: Sequence[Load]) -> tuple[float, float]:
    """Return the median rate and the median 99th percentile of several rounds."""
    return (
        statistics.median(each.rate for each in rounds),
        statistics.median(each.p99 for each in rounds),
    )


def interleaved(named: dict[str, Callable[[], Load]], *, rounds: int) -> dict[str, list[Load]]:
    """Measure every peer in turn, round after round, so that a drifting machine is fair to all."""
    results: dict[str, list[Load]] = {name: [] for name in named}
    for measure in named.values():
        measure()  # warm up
    for _ in range(rounds):
        for name, measure in named.items():
            results[name].append(measure())
    return results


def _client(
    host: str, port: int, request: bytes, seconds: float
) -> tuple[list[float], set[int], float]:
    times: list[float] = []
    statuses: set[int] = set()
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.perf_counter()
        while (sent := time.perf_counter()) - started < seconds:
            connection.sendall(request)
            statuses.add(_read_answer(connection))
            times.append(time.perf_counter() - sent)
    return times, statuses, time.perf_counter() - started


def _read_answer(connection: socket.socket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        while not rest.endswith(b"0\r\n\r\n"):
            rest += connection.recv(65536)
    else:
        length = int(lowered.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        while len(rest) < length:
            rest += connection.recv(65536)
    return int(head.split(b" ", 2)[1])


def _p99(times: Sequence[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.99))]
