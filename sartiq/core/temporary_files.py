"""Temporary files that do not outlive the process that created them, even after SIGKILL.

Each process has its own folder and holds a lock on it. The kernel releases the lock when the
process ends, and any other process then removes the folder (`docs/design/temporary-files.md`).

The folder that they are in is `TEMPORARY_DIR` (sartiq/settings/environment.py).
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from celery import signals
from django.conf import settings

CLEANUP_INTERVAL_SECONDS: Final = 60.0  # between two clean-ups by one process
_OWNED, _ABANDONED = "process-", "abandoned-"


class TemporaryFolderError(OSError):
    """Raised when TEMPORARY_DIR cannot be used, for example because another user owns it."""


class ProcessFolder:
    """The folder under `root` that the current process owns; a forked process gets its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.forget()

    def forget(self) -> None:
        """Reset to the state without a folder, without removing the current one."""
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._descriptor = -1
        self._cleaned_up_at = float("-inf")

    def path(self) -> Path:
        """Return the folder, created on first use; remove abandoned ones once a minute."""
        with self._lock:
            if time.monotonic() - self._cleaned_up_at > CLEANUP_INTERVAL_SECONDS:
                self._cleaned_up_at = time.monotonic()
                remove_abandoned(self._root)
            if self._path is None or not self._path.is_dir():
                self._close()
                self._path, self._descriptor = _make_owned(self._root)
            return self._path

    def forget_inherited(self) -> None:
        """Close the folder of the parent process after a fork, without removing it."""
        self._close()
        self.forget()

    def remove(self) -> None:
        """Remove the folder with everything in it."""
        with self._lock:
            if self._path is not None:
                shutil.rmtree(self._path, ignore_errors=True)
                self._path = None
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_folders: dict[Path, ProcessFolder] = {}


def root() -> Path:
    """Return the folder of all processes of this user, created on first use."""
    folder = Path(settings.TEMPORARY_DIR) / f"sartiq-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"TEMPORARY_DIR ({folder.parent}) cannot be written to: {error.strerror}."
        raise TemporaryFolderError(message) from error
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise TemporaryFolderError(f"{folder} belongs to another user; set TEMPORARY_DIR.")
    return folder


def process_folder(parent: Path | None = None) -> Path:
    """Return the current process's own folder, in `parent` if a file is to be renamed into it."""
    parent = root() if parent is None else parent
    return _folders.setdefault(parent, ProcessFolder(parent)).path()


def named_file() -> "tempfile._TemporaryFileWrapper[bytes]":
    """Return an open file with a path; closing it removes it."""
    return tempfile.NamedTemporaryFile(dir=process_folder())


def nameless_file() -> BinaryIO:
    """Return an open file without a path, which the kernel removes when it is closed."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=process_folder()))


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=process_folder()) as path:
        yield Path(path)


class UploadFolder(os.PathLike[str]):
    """The value of FILE_UPLOAD_TEMP_DIR: resolves to the current process's folder."""

    def __fspath__(self) -> str:
        return str(process_folder())


def remove_abandoned(parent: Path | None = None) -> int:
    """Remove the folders of processes that have ended; return how many."""
    parent = root() if parent is None else parent
    with _locked(parent, fcntl.LOCK_EX):
        for owned in parent.glob(f"{_OWNED}*"):
            if _is_abandoned(owned):
                owned.rename(owned.with_name(_ABANDONED + owned.name))
    abandoned = list(parent.glob(f"{_ABANDONED}*"))
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)
    return len(abandoned)


def remove_own() -> None:
    """Remove the folders of the current process when it exits."""
    for folder in _folders.values():
        folder.remove()


def connect_worker_signals() -> None:
    """Let worker processes remove files of killed processes on start, and their own on exit."""
    signals.worker_init.connect(_on_start, weak=False, dispatch_uid=__name__)
    signals.worker_process_init.connect(_on_start, weak=False, dispatch_uid=__name__)
    # A worker's child process ends without running its atexit handlers.
    signals.worker_process_shutdown.connect(_on_exit, weak=False, dispatch_uid=__name__)


def _on_start(**_: object) -> None:
    remove_abandoned()


def _on_exit(**_: object) -> None:
    remove_own()


def _make_owned(parent: Path) -> tuple[Path, int]:
    """Create and lock a folder, so that no clean-up sees it without a lock."""
    with _locked(parent, fcntl.LOCK_SH):
        path = Path(tempfile.mkdtemp(prefix=f"{_OWNED}{os.getpid()}-", dir=parent))
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return path, descriptor


def _is_abandoned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # its owner has just removed it
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return path.exists()


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _forget_inherited_folders() -> None:
    for folder in _folders.values():
        folder.forget_inherited()


os.register_at_fork(after_in_child=_forget_inherited_folders)
atexit.register(remove_own)
