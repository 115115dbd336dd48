"""Temporary files of killed processes are removed; those of running ones stay."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from pytest_django import Settings

from sartiq.core import temporary_files

CHECKOUT = Path(__file__).parents[3]
ENTRIES = 3  # that `_PROCESS` creates in its folder, not counting the nameless file

# Creates every kind of temporary file that web and worker processes use.
_PROCESS = """
import sys
from django.core.files.uploadedfile import TemporaryUploadedFile
from sartiq.core import temporary_files
files = [
    temporary_files.named_file(),
    temporary_files.nameless_file(),
    TemporaryUploadedFile("table.csv", "text/csv", 0, None),
    temporary_files.folder(),
]
files[-1].__enter__()  # the folder exists once it is entered
print(temporary_files.process_folder(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.TEMPORARY_DIR = str(tmp_path)
    return temporary_files.root()


@contextmanager
def another_process(root: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a process with files of every kind under way; yield it and its folder."""
    env = {
        **os.environ,
        "TEMPORARY_DIR": str(root.parent),
        "DJANGO_SETTINGS_MODULE": "sartiq.settings.testing",
    }
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS],
        cwd=CHECKOUT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_files_of_a_killed_process_are_removed_by_a_later_one(root: Path) -> None:
    with another_process(root) as (process, folder):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list(folder.iterdir())) == ENTRIES

    temporary_files.process_folder()

    assert not folder.exists()
    assert [path.name for path in root.iterdir()] == [temporary_files.process_folder().name]


def test_files_of_a_running_process_stay(root: Path) -> None:
    with another_process(root) as (process, busy_folder):
        assert temporary_files.remove_abandoned() == 0
        assert len(list(busy_folder.iterdir())) == ENTRIES

        process.communicate()  # closes its input, so that it ends by itself

    assert not busy_folder.exists()


def test_a_later_process_removes_them_when_it_starts(root: Path) -> None:
    with another_process(root) as (process, folder):
        process.kill()
        process.wait()

    with another_process(root) as (_, busy_folder):
        assert list(root.iterdir()) == [busy_folder]
    assert not folder.exists()


def test_a_forked_process_has_its_own_folder(root: Path) -> None:
    own_folder = temporary_files.process_folder()
    read_end, write_end = os.pipe()

    pid = os.fork()
    if not pid:
        try:
            os.write(write_end, str(temporary_files.process_folder()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    child_folder = Path(os.read(read_end, 4096).decode())
    os.close(read_end)

    assert child_folder != own_folder
    assert temporary_files.remove_abandoned() == 1
    assert (own_folder.exists(), child_folder.exists()) == (True, False)


def test_an_upload_is_spooled_to_the_folder_of_its_process(root: Path) -> None:
    with TemporaryUploadedFile("table.csv", "text/csv", 0, None) as upload:
        assert Path(upload.temporary_file_path()).parent == temporary_files.process_folder()


def test_a_folder_removed_by_another_program_is_created_again(root: Path) -> None:
    temporary_files.process_folder().rmdir()

    with temporary_files.named_file() as file:
        assert Path(file.name).is_file()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, settings: Settings) -> None:
    other_folder = tmp_path / "elsewhere"
    other_folder.mkdir()
    settings.TEMPORARY_DIR = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary" / f"sartiq-{os.getuid()}").symlink_to(other_folder)

    with pytest.raises(temporary_files.TemporaryFolderError):
        temporary_files.process_folder()
