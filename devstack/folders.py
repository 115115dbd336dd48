"""Where the stack keeps its data, its sockets and its logs."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from devstack.processes import POLL_SECONDS, DevstackError

CHECKOUT = Path(__file__).resolve().parent.parent
SHELTERS = Path("/var/tmp")  # noqa: S108  stable by design; `shelter` checks who owns it
SHORT_TEMPORARY = Path("/tmp")  # noqa: S108  mkdtemp below makes an unguessable folder in it
RUN_PREFIX = "sartiq-"


@dataclass(frozen=True)
class Places:
    """The folders of one stack: its data, its sockets (a short path), its logs.

    Data of a `temporary` stack vanishes with it, so its services need not be durable. `locks` are
    descriptors the services inherit (see `hold`).
    """

    data: Path
    run: Path
    logs: Path
    temporary: bool
    locks: tuple[int, ...] = ()

    def leave(self) -> None:
        """Remove what does not persist and let go of the locks."""
        shutil.rmtree(self.run, ignore_errors=True)
        for descriptor in self.locks:
            os.close(descriptor)


def persistent_places(checkout: Path = CHECKOUT) -> Places:
    """Return the places behind `make serve` and `make demo`: data survives, sockets do not."""
    data = checkout / ".devstack"
    data.mkdir(mode=0o755, exist_ok=True)
    locks = (hold(data),)
    run = new_run_folder()
    return Places(data=data, run=run, logs=data / "log", temporary=False, locks=locks)


def temporary_places() -> Places:
    """Return places that vanish with the stack."""
    run = new_run_folder()
    return Places(data=run / "data", run=run, logs=run / "log", temporary=True)


def new_run_folder() -> Path:
    """Make a folder whose path is short enough for unix sockets (107 bytes) and can be entered.

    Its name cannot be guessed; it can be entered, not listed, by the user PostgreSQL runs as.
    """
    parent = SHORT_TEMPORARY if SHORT_TEMPORARY.is_dir() else Path(tempfile.gettempdir())
    run = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=parent))
    run.chmod(0o711)
    return run


def can_be_entered_by_anyone(folder: Path) -> bool:
    """Return whether a user without rights could reach what lies in `folder`."""
    nearest = folder.resolve()
    while not nearest.exists():
        nearest = nearest.parent
    return all(step.stat().st_mode & stat.S_IXOTH for step in (nearest, *nearest.parents))


def shelter_path(checkout: Path = CHECKOUT) -> Path:
    """Return the folder outside the checkout that a closed checkout uses instead of its own."""
    name = hashlib.sha256(str(checkout).encode()).hexdigest()[:16]
    return SHELTERS / f"{RUN_PREFIX}devstack-{name}"


def shelter(checkout: Path = CHECKOUT) -> Path:
    """Make the shelter, refusing one that somebody else has put in its place."""
    folder = shelter_path(checkout)
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        message = f"{folder} belongs to somebody else; remove it first"
        raise DevstackError(message)
    folder.chmod(0o755)
    return folder


def remove_data(checkout: Path = CHECKOUT) -> None:
    """Remove everything the stack keeps between two starts; refuse while it runs."""
    data = checkout / ".devstack"
    if data.is_dir():
        os.close(hold(data, seconds=0))
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(shelter_path(checkout), ignore_errors=True)


def hold(data: Path, *, seconds: float = 10.0) -> int:
    """Take the one lock on a data folder and return its descriptor.

    The services inherit the descriptor, so the lock is free only once each of them has ended,
    even after the launcher itself was killed.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                message = f"another stack runs on {data}; stop it first"
                raise DevstackError(message) from None
            time.sleep(POLL_SECONDS)
        else:
            return descriptor
