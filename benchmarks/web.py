"""Presign and redirect under load, against FastAPI, Starlette and bare Django views."""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import httpx

from benchmarks.load import Load, measure_in_turn, medians, request_bytes, send_load
from benchmarks.report import show
from benchmarks.servers import running_server
from devstack.product import Product
from sartiq.settings.variable_types import database_settings

PRESIGN_PAYLOAD = {"filename": "front.jpg", "content_type": "image/jpeg", "file_size": 200_000}


class ServerSize(NamedTuple):
    """The number of processes of a server, and of threads in each (for WSGI)."""

    workers: int
    threads: int


SIZES = (ServerSize(1, 8), ServerSize(2, 8))  # the second one is the product's default


def measure_presign(product: Product, *, rounds: int, seconds: float) -> None:
    """Measure POST presigned-url, which inserts an Upload row."""
    for size in SIZES:
        _presign(product, size, rounds, seconds)


def measure_redirect(product: Product, *, rounds: int, seconds: float) -> None:
    """Measure GET /files/…"""
    for size in SIZES:
        _redirect(product, size, rounds, seconds)


def _presign(product: Product, size: ServerSize, rounds: int, seconds: float) -> None:
    token = _token(product)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps(PRESIGN_PAYLOAD).encode()
    env = {**product.env, "BASELINE_DATABASE": _conninfo(product)}
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(
                running_server(target, interface=interface, env=env, **size._asdict())
            )
            + path
            for name, target, interface, path in (
                ("sartiq", "sartiq.server", "sartiq", "/api/v1/uploads/presigned-url"),
                (
                    "FastAPI, boto3, psycopg",
                    "benchmarks.baselines.web:presigning",
                    "asgi",
                    "/presign",
                ),
                (
                    "bare Django view, no work",
                    "benchmarks.baselines.bare_django:application",
                    "wsgi",
                    "/presign",
                ),
            )
        }
        measures = {
            name: _measure(url, "POST", headers, body, seconds) for name, url in urls.items()
        }
        _compare("POST presigned-url", measures, size=size, rounds=rounds)


def _redirect(product: Product, size: ServerSize, rounds: int, seconds: float) -> None:
    path = "/files/media/01a20a3a-5276-7f2a-becc-ec0b7880616d/file.jpg"
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(
                running_server(target, interface=interface, env=product.env, **size._asdict())
            )
            + path
            for name, target, interface in (
                ("sartiq", "sartiq.server", "sartiq"),
                ("Starlette", "benchmarks.baselines.web:redirecting", "asgi"),
                ("bare Django view", "benchmarks.baselines.bare_django:application", "wsgi"),
            )
        }
        measures = {name: _measure(url, "GET", {}, b"", seconds) for name, url in urls.items()}
        _compare("GET /files/…", measures, size=size, rounds=rounds)


def _measure(
    url: str, method: str, headers: dict[str, str], body: bytes, seconds: float
) -> Callable[[], Load]:
    request = request_bytes(url, method=method, headers=headers, body=body)
    return partial(send_load, url, request, seconds=seconds)


def _compare(
    title: str, measures: dict[str, Callable[[], Load]], *, size: ServerSize, rounds: int
) -> None:
    results = measure_in_turn(measures, rounds=rounds)
    rates = {name: medians(loads) for name, loads in results.items()}
    product_rate = rates["sartiq"][0]
    rows = [
        (name, rate, p99, product_rate / rate, sorted(results[name][0].statuses))
        for name, (rate, p99) in rates.items()
    ]
    columns = ("server", "requests/s", "p99 ms", "sartiq / this", "statuses")
    run = f"{size.workers} processes, {size.threads} threads each for WSGI, 4 connections"
    show(f"{title}: {run}, median of {rounds}", columns, rows)


def _token(product: Product) -> str:
    member = product.users["member"]
    response = httpx.post(
        f"{product.api}/api/v1/login/access-token",
        data={"username": member.email, "password": member.password},
    )
    response.raise_for_status()
    return str(response.json()["access_token"])


def _conninfo(product: Product) -> str:
    parts = database_settings(product.env["DATABASE_URL"])
    return f"host={parts['HOST']} dbname={parts['NAME']} user={parts['USER'] or os.getlogin()}"
