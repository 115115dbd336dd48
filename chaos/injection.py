"""Carries out the scheduled faults on a running product, and restarts processes that ended."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Final

import psutil

from chaos import faults
from chaos.faults import Fault, Kind
from chaos.store_proxy import StoreProxy
from devstack.process.child import Child, DevstackError, became_true
from devstack.process.pauses import paused
from devstack.process.stop_signals import raise_if_stop_requested
from devstack.product import Product
from devstack.services.postgres import Postgres
from devstack.services.valkey import Valkey

WATCH_SECONDS: Final = 0.2
START_SECONDS: Final = 10.0  # for a server to start the processes of which one is killed
STEADY_SECONDS: Final = 2.0  # the age at which they have started


class Injector:
    """Causes faults; `begun` counts them by kind, `restarted` the processes that had ended.

    Use it from the main thread: the processes that it starts end with the thread that starts them.
    """

    def __init__(self, product: Product, proxy: StoreProxy, *, seed: int) -> None:
        self.begun: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.restarted: Counter[str] = Counter()
        self._product = product
        self._proxy = proxy
        self._random = random.Random(seed)  # noqa: S311  no secret

    def run(self, schedule: Sequence[Fault], *, seconds: float) -> None:
        """Cause all faults at their times; return after `seconds`, when all have ended."""
        started_at = time.monotonic()
        steps = [(fault.at, True, fault) for fault in schedule]
        steps += [(fault.until, False, fault) for fault in schedule]
        with ExitStack() as stack:
            active: dict[Fault, ExitStack] = {}
            for at, begins, fault in sorted(steps, key=lambda step: step[0]):
                self._watch(until=started_at + at)
                if begins:
                    active[fault] = stack.enter_context(ExitStack())
                    active[fault].enter_context(self._caused(fault))
                else:
                    active.pop(fault).close()
            self._watch(until=started_at + seconds)
        self.restart_dead()

    def restart_dead(self) -> None:
        """Start processes of the product that ended, as an orchestrator does, without waiting."""
        for child, start in (
            (self._product.web, self._product.web.start),
            (self._product.worker, self._product.start_worker),
            (self._product.beat, self._product.start_beat),
        ):
            if not child.is_alive:
                self.restarted[child.name] += 1
                child.kill()  # reap it and end its descendants
                start()

    def _watch(self, *, until: float) -> None:
        """Restart dead processes until this time."""
        while (left := until - time.monotonic()) > 0:
            raise_if_stop_requested()
            self.restart_dead()
            time.sleep(min(left, WATCH_SECONDS))

    @contextmanager
    def _caused(self, fault: Fault) -> Iterator[None]:
        self.restart_dead()
        self.begun[fault.kind.name] += 1
        began_at = time.monotonic()
        with self._cause(fault.kind):
            yield
        self.seconds[fault.kind.name] += round(time.monotonic() - began_at)

    def _cause(self, kind: Kind) -> AbstractContextManager[None]:
        """Begin a fault, and return the context in which it lasts."""
        if kind in faults.STORE_FAULTS:
            return self._store_fault(kind)
        if kind is faults.WORKER_STOPPED:
            return self._worker_stopped()
        if kind is faults.BROKER_HUNG:
            return self._paused(self._product.stack.valkey)
        if kind is faults.DATABASE_HUNG:
            return self._paused(self._product.stack.postgres)
        self._at_once[kind]()
        return nullcontext()

    @property
    def _at_once(self) -> dict[Kind, Callable[[], None]]:
        product = self._product
        return {
            faults.WORKER_KILLED: self._kill_worker,
            faults.WORKER_PROCESS_KILLED: lambda: self._kill_one_of(product.worker),
            faults.WEB_KILLED: self._kill_web,
            faults.WEB_PROCESS_KILLED: lambda: self._kill_one_of(product.web),
            faults.BEAT_KILLED: self._kill_beat,
            faults.BROKER_EMPTIED: self._empty_broker,
            faults.DATABASE_RESTARTED: self._restart_database,
        }

    @contextmanager
    def _store_fault(self, kind: Kind) -> Iterator[None]:
        self._proxy.set(faults.STORE_FAULTS[kind])
        try:
            yield
        finally:
            self._proxy.set(None)

    @contextmanager
    def _worker_stopped(self) -> Iterator[None]:
        """Ask the worker to stop, and kill it at the end if it still runs."""
        worker = self._product.worker
        before = worker.pid
        worker.ask_to_stop()
        yield
        if worker.is_alive and worker.pid == before:
            self._kill_worker()
        elif worker.is_alive:
            self.restarted[worker.name] -= 1  # it ended because it was asked to

    def _kill_worker(self) -> None:
        self._product.kill_worker()
        self._product.start_worker()

    def _kill_web(self) -> None:
        self._product.web.kill()
        self._product.web.start()

    def _kill_beat(self) -> None:
        self._product.beat.kill()
        self._product.start_beat()

    def _kill_one_of(self, child: Child) -> None:
        """Kill one of the processes that a server has forked, after they have started.

        A worker ends if one of its processes dies before that: it would be another fault.
        """
        server = psutil.Process(child.pid)
        with suppress(psutil.NoSuchProcess):
            became_true(lambda: any(map(_is_steady, server.children())), seconds=START_SECONDS)
            processes = server.children()
            if processes:
                self._random.choice(processes).kill()

    def _empty_broker(self) -> None:
        self._product.stop_broker(lose_data=True)
        self._product.start_broker()

    def _restart_database(self) -> None:
        self._product.stop_database()
        self._product.start_database()

    @staticmethod
    def _paused(service: Postgres | Valkey | None) -> AbstractContextManager[None]:
        if service is None:
            raise DevstackError("broker and database must be embedded ones")
        return paused(service.child)


def _is_steady(process: psutil.Process) -> bool:
    age: float = time.time() - process.create_time()
    return age >= STEADY_SECONDS
