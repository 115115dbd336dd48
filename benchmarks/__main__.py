"""`make bench`: print the figures of the design pages as tables. ARGS selects parts."""

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import bulk, encoders, exports, files, overload, reconcile, web
from benchmarks.photos import batches
from chaos.store_proxy import StoreFault, StoreProxy
from devstack.product import Product
from devstack.services.stack import Stack

PARTS = (  # in order
    "presign",
    "redirect",
    "overload",
    "hung",
    "reading",
    "bulk",
    "photos",
    "exports",
    "memory",
    "reconcile",
)
STANDALONE_PARTS = ("encoders",)  # these need no product


def main() -> None:
    """Start the product and measure the chosen parts."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    all_parts = PARTS + STANDALONE_PARTS
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(all_parts))
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the tables show medians")
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of a round of load")
    parser.add_argument("--hung-seconds", type=float, default=20.0, help="of each phase of `hung`")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="rows for `bulk`, objects for `reconcile`"
    )
    parser.add_argument("--photos", type=int, default=batches.PHOTOS, help="photos for `photos`")
    parser.add_argument(
        "--latency-ms", type=float, default=0.0, help="additional latency of each store request"
    )
    parser.add_argument("--worker-processes", type=int, default=2, help="of the Celery worker")
    parser.add_argument(
        "--patient", action="store_true", help="run slow importers of `bulk` in every round, too"
    )
    parser.add_argument(
        "--million", action="store_true", help="also import a million rows with `bulk`"
    )
    options = parser.parse_args()
    options.parts = options.parts or list(all_parts)
    if unknown := set(options.parts) - set(all_parts):
        parser.error(f"unknown parts: {sorted(unknown)}")
    if "encoders" in options.parts:
        encoders.compare_encoders(rounds=options.rounds)
    if set(options.parts) <= set(STANDALONE_PARTS):
        return
    env = {"WORKER_PROCESSES": str(options.worker_processes)}
    with started_product(latency=options.latency_ms / 1000, env=env) as product:
        files.warm_up(product)
        measure(product, options)


@contextmanager
def started_product(*, latency: float, env: dict[str, str]) -> Iterator[Product]:
    """Start a product whose store, with a `latency` in seconds, is reached through a proxy."""
    stack = Stack.temporary(environ={})
    env = {"REQUEST_SECONDS": "5", **env}  # as in production
    with ExitStack() as exits:
        if latency and stack.seaweed is not None:
            proxy = exits.enter_context(StoreProxy(target=stack.seaweed.port, latency=latency))
            proxy.set(StoreFault.SLOW)
            env |= {"S3_ENDPOINT_URL": proxy.url, "S3_PUBLIC_ENDPOINT_URL": proxy.url}
        product = Product(stack, settings="sartiq.settings.development", env=env)
        exits.enter_context(product)
        os.environ.update(product.env)
        yield product


def measure(product: Product, options: argparse.Namespace) -> None:
    """Run the chosen measurements, first those of the web server."""
    parts = options.parts
    if "presign" in parts:
        web.measure_presign(product, rounds=options.rounds, seconds=options.seconds)
    if "redirect" in parts:
        web.measure_redirect(product, rounds=options.rounds, seconds=options.seconds)
    if "overload" in parts:
        overload.measure_overload(product, rounds=options.rounds, seconds=options.seconds)
    if "hung" in parts:
        overload.measure_hung_dependencies(product, seconds=options.hung_seconds)
    measure_work(product, options)


def measure_work(product: Product, options: argparse.Namespace) -> None:
    """Run the chosen measurements of storage and workers."""
    parts = options.parts
    if "reading" in parts:
        files.compare_checking(product, rounds=options.rounds)
    if "bulk" in parts:
        bulk.measure_imports(
            product,
            rounds=options.rounds,
            rows=options.rows,
            repeat_slow_importers=options.patient,
        )
    if "bulk" in parts and options.million:
        bulk.measure_million_rows(product)
    if "photos" in parts:
        batches.measure_tickets(product, rounds=options.rounds)
        batches.measure_photos(product, count=options.photos)
    if "exports" in parts:
        exports.measure_exports(product, rounds=options.rounds)
    if "memory" in parts:
        exports.measure_memory(product)
    if "reconcile" in parts:  # last: it stops the processes of the product
        reconcile.measure_reconcile(product, objects=options.rows)


if __name__ == "__main__":
    main()
