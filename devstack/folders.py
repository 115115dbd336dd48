"""The folders of a stack: data, sockets and logs."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.process.child import POLL_SECONDS, DevstackError
from devstack.process.stop_signals import raise_if_stop_requested

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = CHECKOUT / ".devstack"
PUBLIC_PARENT = Path("/var/tmp")  # noqa: S108  survives reboots; `public_folder` checks the owner
SHORT_TEMPORARY = Path("/tmp")  # noqa: S108  only for mkdtemp
RUN_PREFIX = "sartiq-run-"
LOCK = "lock"
IDENTITY = "identity"  # file with a random id of the data folder
LOCAL = "local"  # the value of STORAGE, and its folder
ABANDONED_AFTER = 60  # seconds; younger folders may not be locked yet


@dataclass(frozen=True)
class StackPaths:
    """The folders of one stack: its data, its sockets (a short path), its logs.

    The data of a `temporary` stack is removed with it, so its services need not be durable. `locks`
    are file descriptors that the services inherit (see `lock_folder`).
    """

    data: Path
    run: Path
    logs: Path
    temporary: bool
    locks: tuple[int, ...] = ()

    def release(self) -> None:
        """Remove the run folder and release the locks."""
        shutil.rmtree(self.run, ignore_errors=True)
        for descriptor in self.locks:
            os.close(descriptor)


def data_root(environ: Mapping[str, str]) -> Path:
    """Return the folder that holds all persistent data."""
    return Path(environ.get("DEVSTACK_DIR") or DATA).resolve()


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return the data folder of the stack that `environ` selects.

    Rows refer to objects of one store, so each kind of store has its own folder.
    """
    root = data_root(environ)
    return root / LOCAL if environ.get("STORAGE") == LOCAL else root


def persistent_paths(data: Path) -> StackPaths:
    """Return the paths of `make serve` and `make demo`: data is persistent, sockets are not."""
    data.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = lock_folder(data)
    run = new_run_folder()
    locks = (lock, lock_folder(run))
    return StackPaths(data=data, run=run, logs=data / "log", temporary=False, locks=locks)


def temporary_paths() -> StackPaths:
    """Return paths that are removed with the stack."""
    run = new_run_folder()
    locks = (lock_folder(run),)
    return StackPaths(data=run / "data", run=run, logs=run / "log", temporary=True, locks=locks)


def new_run_folder() -> Path:
    """Create a folder whose path is short enough for unix sockets (107 bytes).

    Its name cannot be guessed; other users, such as PostgreSQL's, can enter it but not list it.
    """
    parent = SHORT_TEMPORARY if SHORT_TEMPORARY.is_dir() else Path(tempfile.gettempdir())
    remove_abandoned(parent)
    run = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=parent))
    run.chmod(0o711)
    return run


def remove_abandoned(parent: Path) -> None:
    """Remove the run folders of launchers that were killed: their locks are free."""
    for folder in parent.glob(f"{RUN_PREFIX}*"):
        with contextlib.suppress(OSError, DevstackError):
            age = time.time() - (folder / LOCK).stat().st_mtime
            if age > ABANDONED_AFTER and folder.stat().st_uid == os.geteuid():
                lock = lock_folder(folder, seconds=0)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def can_be_entered_by_anyone(folder: Path) -> bool:
    """Return whether an unprivileged user can access files in `folder`."""
    nearest = folder.resolve()
    while not nearest.exists():
        nearest = nearest.parent
    return all(step.stat().st_mode & stat.S_IXOTH for step in (nearest, *nearest.parents))


def public_path() -> Path:
    """Return the folder outside the checkout that is used if the checkout is private."""
    return PUBLIC_PARENT / f"sartiq-devstack-{_short_name(CHECKOUT)}"


def public_folder() -> Path:
    """Create the folder of `public_path`; raise an error if it belongs to another user."""
    folder = public_path()
    folder.mkdir(mode=0o755, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        message = f"{folder} belongs to another user; remove it first"
        raise DevstackError(message)
    folder.chmod(0o755)
    return folder


def public_data_folder(data: Path) -> Path:
    """Return the folder in `public_folder` that is used instead of a private data folder.

    Its name has the identity of the data folder, not only its path: if a clone was deleted and
    another one is at the same path, the old data is removed, as its rows refer to objects that are
    gone. The caller holds the lock.
    """
    folder = public_folder() / f"{_public_name(data)}-{_identity(data)}"
    for stale in public_folder().glob(f"{_public_name(data)}*"):
        if stale != folder:
            shutil.rmtree(stale, ignore_errors=True)
    return folder


def _public_name(data: Path) -> str:
    return f"data-{_short_name(data.resolve())}"


def _identity(data: Path) -> str:
    file = data / IDENTITY
    if not file.exists():
        partial = file.with_suffix(".partial")
        partial.write_text(secrets.token_hex(8))
        partial.rename(file)
    return file.read_text()


def remove_data(root: Path) -> None:
    """Remove all persistent data of the stacks; raise an error while one is running."""
    folders = [folder for folder in (root, root / LOCAL) if folder.is_dir()]
    with contextlib.ExitStack() as locks:
        for folder in folders:
            locks.callback(os.close, lock_folder(folder, seconds=0))
        shutil.rmtree(root, ignore_errors=True)
        if public_path().exists():
            _empty_public_folder(folders)


def _empty_public_folder(folders: Sequence[Path]) -> None:
    """Remove the data of these folders, but not the binaries, which another stack may be using."""
    for folder in folders:
        for path in public_folder().glob(f"{_public_name(folder)}*"):
            shutil.rmtree(path, ignore_errors=True)


def _short_name(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def lock_folder(folder: Path, *, seconds: float = 10.0) -> int:
    """Lock a folder and return the descriptor of the lock.

    The services inherit the descriptor, so the lock is released only when all of them have ended,
    even if the launcher was killed.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                message = f"another stack runs on {folder}; stop it first"
                raise DevstackError(message) from None
            raise_if_stop_requested()
            time.sleep(POLL_SECONDS)
        else:
            return descriptor
