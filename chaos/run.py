"""One run: load, faults, the wait until all work is done, and the check of every promise."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from chaos import faults
from chaos.checker.bucket import S3Bucket
from chaos.checker.checker import Checker
from chaos.checker.violations import Violation
from chaos.database import connect
from chaos.injection import Injector
from chaos.ledger import Ledger
from chaos.load import clients
from chaos.load.clients import Load
from chaos.store_proxy import StoreProxy
from devstack.process.child import DevstackError
from devstack.process.stop_signals import raise_if_stop_requested
from devstack.product import Product

RECOVERY_SECONDS: Final = 60.0
GIVE_UP_SECONDS: Final = 240.0
POLL_SECONDS: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to do; the same seed gives the same faults at the same times."""

    seed: int
    seconds: float
    uploads: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What happened. `recovery_seconds` is None if work remained when the wait was given up.

    `overdue` counts the rows of each kind that still had work to do after RECOVERY_SECONDS.
    """

    options: Options
    ledger: Ledger
    begun: Counter[str]
    seconds: Counter[str]
    restarted: Counter[str]
    resets: int
    recovery_seconds: float | None
    overdue: Mapping[str, int]
    violations: list[Violation]
    load_average: tuple[float, float, float]

    @property
    def has_passed(self) -> bool:
        """Whether every promise was kept, in time."""
        seconds = self.recovery_seconds
        return not self.violations and seconds is not None and seconds <= RECOVERY_SECONDS


def run(product: Product, proxy: StoreProxy, options: Options) -> Result:
    """Break a running product whose store is reached through `proxy`, and check what is left."""
    ledger = Ledger()
    injector = Injector(product, proxy, seed=options.seed)
    schedule = faults.schedule(seed=options.seed, seconds=options.seconds)
    with clients.running(
        product,
        ledger,
        uploads=options.uploads,
        seconds=options.seconds,
        seed=options.seed,
    ) as load:
        injector.run(schedule, seconds=options.seconds)
        load.stop()
        with _checker(product) as checker:
            seconds, overdue = _wait_for_recovery(injector, checker, load)
            load.require_no_crash()
            violations = checker.violations(ledger)
    return Result(
        options=options,
        ledger=ledger,
        begun=injector.begun,
        seconds=injector.seconds,
        restarted=injector.restarted,
        resets=proxy.resets,
        recovery_seconds=seconds,
        overdue=overdue,
        violations=violations,
        load_average=os.getloadavg(),
    )


def _wait_for_recovery(
    injector: Injector, checker: Checker, load: Load
) -> tuple[float | None, Mapping[str, int]]:
    """Wait until the clients have finished and no work remains.

    Return how long it took, and what remained after RECOVERY_SECONDS.
    """
    started_at = time.monotonic()
    overdue: Mapping[str, int] | None = None
    while (elapsed := time.monotonic() - started_at) < GIVE_UP_SECONDS:
        raise_if_stop_requested()
        injector.restart_dead()
        remaining = checker.remaining()
        if not load.is_done:
            remaining["client still at work"] = load.working
        if not remaining:
            return elapsed, overdue or {}
        if elapsed > RECOVERY_SECONDS and overdue is None:
            overdue = remaining
        time.sleep(POLL_SECONDS)
    return None, overdue or {}


@contextmanager
def _checker(product: Product) -> Iterator[Checker]:
    """A checker of this product, which reaches the store without the proxy."""
    if product.stack.seaweed is None:
        raise DevstackError("the store is not an embedded one")
    endpoint = product.stack.seaweed.url
    public, private = (
        S3Bucket(product.env, product.env[name], endpoint=endpoint)
        for name in ("R2_BUCKET_NAME", "R2_PRIVATE_BUCKET_NAME")
    )
    with connect(product) as database:
        yield Checker(database, public=public, private=private)
