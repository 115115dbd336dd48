from collections.abc import Iterator

import pytest

from accounts.models import User
from accounts.tests.factories import UserFactory
from exports.services import conversion
from exports.tests.exporting import ready_images
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.stores import watched_stores
from sartiq.core.work import crash_points


@pytest.fixture(scope="module", autouse=True)
def _stop_converter() -> Iterator[None]:
    yield
    conversion.stop()


@pytest.fixture(autouse=True)
def _reset_crash_points() -> Iterator[None]:
    yield
    crash_points.install(None)


@pytest.fixture
def user(db: None) -> User:
    new_user: User = UserFactory.create()
    return new_user


@pytest.fixture
def public() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def private() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def stores(public: MemoryStore, private: MemoryStore, db: None) -> Iterator[None]:
    """Install in-memory stores."""
    with watched_stores(public, private):
        yield


@pytest.fixture
def photos(stores: None, public: MemoryStore, user: User) -> list[MediaResource]:
    """Three stored images."""
    return ready_images(public, user, 3)


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The tasks that recovery has enqueued, with their arguments."""
    tasks: list[tuple[str, ...]] = []

    def send(task: str, **kwargs: str) -> bool:
        tasks.append((task, *kwargs.values()))
        return True

    monkeypatch.setattr("sartiq.core.work.resend.send", send)
    return tasks
