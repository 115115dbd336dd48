"""One stack for a whole pytest run, with addresses set before Django loads its settings.

pytest.ini loads this module with `-p`: a conftest would be loaded after pytest-django has imported
the settings. Without xdist the services start when a test first requests `stack`, so tests of pure
functions need not wait. With xdist the controller starts them for all its workers.
"""

import fcntl
import gc
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from devstack.folders import temporary_paths
from devstack.process.child import stop_all
from devstack.product import Product
from devstack.services.stack import Stack

VARIABLES = "DEVSTACK_VARIABLES"  # names, for the workers of xdist
FOLDER = "DEVSTACK_FOLDER"  # a folder for files of the run
WORKER = "PYTEST_XDIST_WORKER"
CRASHES = "tests/flow/crashes/"  # takes as long as all other files of LIVE
LIVE = (  # files whose tests use running products; only for speed
    "tests/flow/",
    "tests/browser/test_admin.py",
    "tests/browser/test_photo_uploader.py",
    "tests/browser/test_uploader.py",
    "tests/test_readme.py",
    "tests/api/requests/test_malformed_requests.py",
    "media/tests/api/test_files.py",
    "devstack/tests/demo/",
    "devstack/tests/test_product.py",
)
LONG = ("tests/", "devstack/")  # folders whose files take longest, beside LIVE
SETTINGS = "sartiq.settings.testing"  # of running products
CHUNK_ROWS = 7  # of running products, so that small tables have several chunks
LOG_TAIL = 3000  # characters of each log shown for a failed test
_stack_key = pytest.StashKey[Stack]()
_products_key = pytest.StashKey["Products"]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Choose the addresses of the services and set them in the environment."""
    worker = os.environ.get(WORKER)
    if worker is not None:
        os.environ["BROKER_URL"] = broker_url_for_worker(os.environ["BROKER_URL"], worker)
        return
    stack = Stack.temporary(environ=os.environ)
    early_config.stash[_stack_key] = stack
    os.environ.update(stack.env)
    os.environ[VARIABLES] = " ".join(stack.env)
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="sartiq-pytest-")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keep the tests of running products on two workers: each starts its own products."""
    config.option.loadscopereorder = False  # keep the order of pytest_collection_modifyitems
    return _FilesTogether(config, log)


class _FilesTogether(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Schedules whole files, and the files that need running products on two workers.

    Single tests would cost more: the scheduler looks at every assignment for each test that ends.
    xdist's own `loadgroup` does not work with pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CRASHES):
            return CRASHES
        return "running products" if nodeid.startswith(LIVE) else nodeid.partition("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take longest, so that no worker is alone at the end."""
    for longer in (LONG, LIVE, CRASHES):
        items.sort(key=lambda item: not item.nodeid.startswith(longer))


def pytest_collection_finish() -> None:
    """Exempt what exists now from garbage collection: visiting all tests again takes seconds."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the running products after the last test of the files that use them.

    Not between these files: starting a product again costs more than keeping it. Without xdist
    they are stopped at the end.
    """
    fixtures = getattr(nextitem, "fixturenames", ())
    is_next_live = nextitem is not None and nextitem.nodeid.startswith(LIVE)
    is_last = not is_next_live and "live_product" not in fixtures
    products = item.session.stash.get(_products_key, None)
    if WORKER in os.environ and is_last and products is not None:
        products.stop()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the services before xdist starts its workers."""
    stack = session.config.stash.get(_stack_key, None)
    if stack is not None and session.config.getoption("numprocesses", None):
        stack.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the services and remove their data."""
    stack = config.stash.get(_stack_key, None)
    if stack is not None:
        stack.stop()
        shutil.rmtree(os.environ[FOLDER])


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    """Run the services; return the environment variables with their addresses."""
    own = pytestconfig.stash.get(_stack_key, None)
    if own is not None:
        own.start()
        yield own.env
    else:
        yield {name: os.environ[name] for name in os.environ[VARIABLES].split()}


class Products:
    """Running products by their options; each is started once and shared.

    Their processes can be killed at crash points: `crash_file` names the point (`devstack.crash`).
    """

    def __init__(self) -> None:
        self.folder = Path(os.environ[FOLDER])
        self.crash_file = self.folder / f"crash-{os.environ.get(WORKER)}" / "crash"
        self.crash_file.parent.mkdir()
        self._running: dict[tuple[tuple[str, str], ...], Product] = {}

    def __call__(self, **env: str) -> Product:
        """Return a product with additional variables, such as `STORAGE="local"`.

        Other tests may have used it: it keeps their data, and processes they stopped are restarted.
        """
        if env.get("STORAGE") == "s3":  # the default
            del env["STORAGE"]
        key = tuple(sorted(env.items()))
        if key not in self._running:
            self._running[key] = self._fresh(**env)
        product = self._running[key]
        product.restart_dead()
        self._schedule_only(product)
        return product

    def _fresh(self, **env: str) -> Product:
        """Start a new product."""
        stack = self.stack(env.get("STORAGE", ""))
        env = {"CRASH_FILE": str(self.crash_file), "BULK_CHUNK_ROWS": str(CHUNK_ROWS), **env}
        product = Product(stack, settings=SETTINGS, env=env)
        product.start()
        return product

    def stack(self, storage: str = "") -> Stack:
        """Return a stack with prepared data for a product of the caller, not yet started."""
        self._schedule_only(None)
        paths = temporary_paths()
        _copy(self._prepared_data(storage), paths.data)
        return Stack(paths=paths, environ={"STORAGE": storage})

    def _schedule_only(self, product: Product | None) -> None:
        """Suspend beat in all other products: looking for lost work takes CPU time."""
        for running in self._running.values():
            if running.beat.is_alive:
                running.beat.send(signal.SIGCONT if running is product else signal.SIGSTOP)

    def _prepared_data(self, storage: str) -> Path:
        """Return data that was prepared once in the run: migrations take seconds of CPU time."""
        data = self.folder / f"data-{storage}"
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other workers of xdist wait
            if not data.exists():
                with Stack.temporary(environ={"STORAGE": storage}) as stack:
                    Product(stack, settings=SETTINGS).prepare()
                    stop_all(stack.children)
                    draft = self.folder / "draft"  # has another name until it is complete
                    _copy(stack.paths.data, draft)
                    draft.rename(data)
        return data

    def log_tails(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the last lines of every log of the running products."""
        for product in self._running.values():
            for log in sorted(product.logs.glob("*.log")):
                yield log.name, log.read_text(errors="replace")[-LOG_TAIL:]

    def stop(self) -> None:
        """Stop all shared products."""
        while self._running:
            _, product = self._running.popitem()
            product.stop()


@pytest.fixture(scope="session")
def live_product(request: pytest.FixtureRequest) -> Iterator[Products]:
    """Products with real processes: `live_product()` starts or reuses one."""
    products = request.session.stash[_products_key] = Products()
    yield products
    products.stop()


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners, which PostgreSQL requires."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", f"{source}/.", target], check=True)  # noqa: S607


def broker_url_for_worker(broker_url: str, worker: str) -> str:
    """Return the broker URL with one Valkey database for each xdist worker."""
    number = int(worker.removeprefix("gw")) + 1
    return broker_url.replace("virtual_host=0", f"virtual_host={number}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of running products to the report of a failed test."""
    report = yield
    products = getattr(item, "funcargs", {}).get("live_product")
    if report.failed and products is not None:
        report.sections.extend(products.log_tails())
    return report
