import os
import shutil
from pathlib import Path

import pytest

from devstack import folders
from devstack.folders import (
    ABANDONED_AFTER,
    LOCK,
    RUN_PREFIX,
    can_be_entered_by_anyone,
    data_folder,
    lock_folder,
    new_run_folder,
    public_data_folder,
    remove_abandoned,
    remove_data,
)
from devstack.process.child import DevstackError

MAX_SOCKET_PATH_BYTES = 107


def test_a_private_parent_makes_a_folder_inaccessible(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "inside"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)

    assert not can_be_entered_by_anyone(folder)
    assert not can_be_entered_by_anyone(folder / "not" / "made" / "yet")


def test_a_run_folder_is_accessible_and_has_a_short_path() -> None:
    folder = new_run_folder()

    assert can_be_entered_by_anyone(folder)
    assert len(str(folder / "pg" / ".s.PGSQL.5432.lock")) < MAX_SOCKET_PATH_BYTES
    folder.rmdir()


def test_a_data_folder_is_used_by_one_stack_at_a_time(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)

    with pytest.raises(DevstackError, match="another stack runs"):
        lock_folder(tmp_path, seconds=0)

    os.close(lock)
    os.close(lock_folder(tmp_path, seconds=0))


def test_data_in_use_is_not_removed(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)

    with pytest.raises(DevstackError, match="another stack runs"):
        remove_data(tmp_path)

    assert tmp_path.exists()
    os.close(lock)
    remove_data(tmp_path)
    assert not tmp_path.exists()


def test_the_data_of_every_store_is_removed(tmp_path: Path) -> None:
    environ = {"DEVSTACK_DIR": str(tmp_path)}
    local = data_folder({**environ, "STORAGE": "local"})
    local.mkdir()
    lock = lock_folder(local)

    with pytest.raises(DevstackError, match="another stack runs"):
        remove_data(tmp_path)

    assert local != data_folder(environ)
    os.close(lock)
    remove_data(tmp_path)
    assert not local.exists()


def test_only_abandoned_run_folders_are_removed(tmp_path: Path) -> None:
    abandoned, held, recent, other_users = (
        tmp_path / name for name in (f"{RUN_PREFIX}1", f"{RUN_PREFIX}2", f"{RUN_PREFIX}3", "other")
    )
    locks = []
    for folder in (abandoned, held, recent, other_users):
        folder.mkdir()
        locks.append(lock_folder(folder))
    for folder in (abandoned, held, other_users):
        long_ago = (folder / LOCK).stat().st_mtime - ABANDONED_AFTER - 1
        os.utime(folder / LOCK, (long_ago, long_ago))
    for lock in (locks[0], locks[2], locks[3]):
        os.close(lock)

    remove_abandoned(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([held, recent, other_users])
    os.close(locks[1])


def test_a_new_clone_at_the_same_path_does_not_get_old_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "PUBLIC_PARENT", tmp_path)
    data = tmp_path / "clone" / ".devstack"
    data.mkdir(parents=True)
    first = public_data_folder(data)
    first.mkdir()
    assert public_data_folder(data) == first
    assert first.exists()

    shutil.rmtree(data.parent)
    data.mkdir(parents=True)

    assert public_data_folder(data) != first
    assert not first.exists()


def test_removing_data_does_not_remove_the_binaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "PUBLIC_PARENT", tmp_path)
    data = tmp_path / "clone" / ".devstack"
    data.mkdir(parents=True)
    own = public_data_folder(data)
    binaries = folders.public_folder() / "binaries"
    for folder in (own, binaries):
        folder.mkdir()

    remove_data(data)

    assert not own.exists()
    assert binaries.exists()
