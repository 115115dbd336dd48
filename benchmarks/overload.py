"""More load than the server can take, and dependencies that hang."""

import json
import time
from collections.abc import Iterator
from statistics import median

import httpx

from benchmarks.arrivals import Outcome, Stream, repeated, send_at_rate
from benchmarks.files import unique_jpeg
from benchmarks.load import request_bytes, send_load
from benchmarks.report import show
from benchmarks.web import PRESIGN_PAYLOAD
from devstack.process.child import Child, DevstackError
from devstack.process.pauses import paused
from devstack.product import Product
from tests.flow.api_client import ApiClient

OVERLOAD = 4  # times the rate that the server sustains
CLIENTS = 16  # that measure this rate: each sends its next request after a response
CONNECTIONS = 3000
HEALTH, REDIRECT, PRESIGN, CREATE = "health", "redirect", "presign", "create with a photo"
RATES = {HEALTH: 4.0, REDIRECT: 4.0, PRESIGN: 8.0, CREATE: 4.0}  # requests/s, 20 in total
SMALL_PHOTO = 20_000  # bytes
_OVERLOAD_COLUMNS = (
    "sustained/s",
    "goodput/s",
    "share",
    "p99 of 200",
    "p50 of 503",
    "p99 of 503",
    "p99 health",
    "p99 redirect",
    "CPU of clients",
    "presigns",
)


def measure_overload(product: Product, *, rounds: int, seconds: float) -> None:
    """Measure presigning at the rate that the server sustains, and at four times that rate."""
    with ApiClient.member(product) as api_client:
        request = _presign_request(product, api_client)
    url = product.api
    send_load(url, request, seconds=seconds, clients=CLIENTS)  # warm up
    rates, outcomes, client_seconds = [], [], []
    for _ in range(rounds):
        rates.append(send_load(url, request, seconds=seconds, clients=CLIENTS).rate)
        streams = {
            PRESIGN: Stream(OVERLOAD * rates[-1], repeated(request)),
            **{name: _stream(product, name) for name in (HEALTH, REDIRECT)},
        }
        before = time.process_time()
        outcomes.append(send_at_rate(url, streams, seconds=seconds, connections=CONNECTIONS))
        client_seconds.append(time.process_time() - before)
    rows, shares = [], []
    for rate, outcome, cpu in zip(rates, outcomes, client_seconds, strict=True):
        presign = outcome[PRESIGN]
        good = presign.completed_before_end[200] / seconds
        shares.append(good / rate)
        rows.append(
            (
                f"{rate:.0f}",
                f"{good:.0f}",
                shares[-1],
                presign.milliseconds(0.99, 200),
                presign.milliseconds(0.5, 503),
                presign.milliseconds(0.99, 503),
                outcome[HEALTH].milliseconds(0.99),
                outcome[REDIRECT].milliseconds(0.99),
                f"{cpu:.1f} s",
                presign.counts,
            )
        )
    share = median(shares)
    title = f"{OVERLOAD} times the sustained rate for {seconds:g} s, ms; median share {share:.2f}"
    show(title, _OVERLOAD_COLUMNS, rows)


def measure_hung_dependencies(product: Product, *, seconds: float) -> None:
    """Measure 20 requests per second while store and broker hang, then while PostgreSQL does."""
    stack = product.stack
    if stack.seaweed is None or stack.valkey is None or stack.postgres is None:
        raise DevstackError("the services are not embedded ones")
    with ApiClient.member(product) as api_client:
        needed = round(RATES[CREATE] * seconds * 3) + 20  # three measured runs, and the warm-up
        urls = iter(_uploads(api_client, needed))
        _mixed(product, api_client, urls, seconds=min(seconds, 5))  # warm up
        baseline = _mixed(product, api_client, urls, seconds=seconds)
        _show_mixed("baseline", baseline, baseline)
        for name, children in (
            ("store and broker hang", (stack.seaweed.child, stack.valkey.child)),
            ("PostgreSQL hangs", (stack.postgres.child,)),
        ):
            _show_mixed(name, _during_pause(product, api_client, urls, children, seconds), baseline)


def _during_pause(
    product: Product,
    api_client: ApiClient,
    urls: Iterator[str],
    children: tuple[Child, ...],
    seconds: float,
) -> dict[str, Outcome]:
    with paused(*children):
        return _mixed(product, api_client, urls, seconds=seconds)


def _mixed(
    product: Product, api_client: ApiClient, urls: Iterator[str], *, seconds: float
) -> dict[str, Outcome]:
    creations = (_create_request(product, api_client, url) for url in urls)
    streams = {
        HEALTH: _stream(product, HEALTH),
        REDIRECT: _stream(product, REDIRECT),
        PRESIGN: Stream(RATES[PRESIGN], repeated(_presign_request(product, api_client))),
        CREATE: Stream(RATES[CREATE], creations),
    }
    return send_at_rate(product.api, streams, seconds=seconds, connections=CONNECTIONS)


def _show_mixed(title: str, outcomes: dict[str, Outcome], baseline: dict[str, Outcome]) -> None:
    rows = [
        (
            name,
            outcome.milliseconds(0.5),
            outcome.milliseconds(0.99),
            outcome.milliseconds(0.99) / baseline[name].milliseconds(0.99),
            outcome.milliseconds(1.0),
            outcome.milliseconds(0.5, 503),
            outcome.counts,
        )
        for name, outcome in outcomes.items()
    ]
    columns = (
        "20 requests/s",
        "p50 ms",
        "p99 ms",
        "p99 / baseline",
        "max",
        "p50 of 503",
        "responses",
    )
    show(title, columns, rows)


def _uploads(api_client: ApiClient, number: int) -> list[str]:
    return [
        api_client.upload("hung.jpg", unique_jpeg(f"hung {index}", size=SMALL_PHOTO), "image/jpeg")
        for index in range(number)
    ]


def _stream(product: Product, name: str) -> Stream:
    path = {HEALTH: "/health/live", REDIRECT: "/files/media/1/a.png"}[name]
    return Stream(RATES[name], repeated(request_bytes(product.api + path)))


def _presign_request(product: Product, api_client: ApiClient) -> bytes:
    url = f"{product.api}/api/v1/uploads/presigned-url"
    return _post_request(url, api_client, json.dumps(PRESIGN_PAYLOAD).encode())


def _create_request(product: Product, api_client: ApiClient, photo_url: str) -> bytes:
    url = str(httpx.URL(f"{product.api}/api/v1/products/", params=api_client.owner_parameters))
    return _post_request(
        url, api_client, json.dumps({"name": "Hung", "cover_image": photo_url}).encode()
    )


def _post_request(url: str, api_client: ApiClient, body: bytes) -> bytes:
    headers = {
        "Authorization": api_client.http.headers["Authorization"],
        "Content-Type": "application/json",
    }
    return request_bytes(url, method="POST", headers=headers, body=body)
