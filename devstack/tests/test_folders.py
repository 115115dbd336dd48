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
    hold,
    new_run_folder,
    remove_abandoned,
    remove_data,
    shelter_folder,
)
from devstack.process.child import DevstackError

MAX_SOCKET_PATH_BYTES = 107


def test_a_closed_ancestor_closes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "inside"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)

    assert not can_be_entered_by_anyone(folder)
    assert not can_be_entered_by_anyone(folder / "not" / "made" / "yet")


def test_a_run_folder_can_be_entered_and_leaves_room_for_socket_names() -> None:
    folder = new_run_folder()

    assert can_be_entered_by_anyone(folder)
    assert len(str(folder / "pg" / ".s.PGSQL.5432.lock")) < MAX_SOCKET_PATH_BYTES
    folder.rmdir()


def test_one_stack_at_a_time_on_a_data_folder(tmp_path: Path) -> None:
    lock = hold(tmp_path)

    with pytest.raises(DevstackError, match="another stack runs"):
        hold(tmp_path, seconds=0)

    os.close(lock)
    os.close(hold(tmp_path, seconds=0))


def test_data_in_use_is_not_removed(tmp_path: Path) -> None:
    lock = hold(tmp_path)

    with pytest.raises(DevstackError, match="another stack runs"):
        remove_data(tmp_path)

    assert tmp_path.exists()
    os.close(lock)
    remove_data(tmp_path)
    assert not tmp_path.exists()


def test_each_store_has_data_of_its_own_and_all_of_it_is_removed(tmp_path: Path) -> None:
    environ = {"DEVSTACK_DIR": str(tmp_path)}
    local = data_folder({**environ, "STORAGE": "local"})
    local.mkdir()
    lock = hold(local)

    with pytest.raises(DevstackError, match="another stack runs"):
        remove_data(tmp_path)

    assert local != data_folder(environ)
    os.close(lock)
    remove_data(tmp_path)
    assert not local.exists()


def test_only_run_folders_without_a_launcher_are_swept(tmp_path: Path) -> None:
    abandoned, held, young, foreign = (
        tmp_path / name for name in (f"{RUN_PREFIX}1", f"{RUN_PREFIX}2", f"{RUN_PREFIX}3", "other")
    )
    locks = []
    for folder in (abandoned, held, young, foreign):
        folder.mkdir()
        locks.append(hold(folder))
    for folder in (abandoned, held, foreign):
        long_ago = (folder / LOCK).stat().st_mtime - ABANDONED_AFTER - 1
        os.utime(folder / LOCK, (long_ago, long_ago))
    for lock in (locks[0], locks[2], locks[3]):
        os.close(lock)

    remove_abandoned(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([held, young, foreign])
    os.close(locks[1])


def test_sheltered_data_belong_to_one_data_folder_not_to_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SHELTERS", tmp_path)
    data = tmp_path / "clone" / ".devstack"
    data.mkdir(parents=True)
    first = shelter_folder(data)
    first.mkdir()
    assert shelter_folder(data) == first
    assert first.exists()

    shutil.rmtree(data.parent)
    data.mkdir(parents=True)

    assert shelter_folder(data) != first
    assert not first.exists()


def test_removing_data_leaves_the_binaries_another_stack_may_run_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SHELTERS", tmp_path)
    data = tmp_path / "clone" / ".devstack"
    data.mkdir(parents=True)
    own = shelter_folder(data)
    binaries = folders.shelter() / "binaries"
    for place in (own, binaries):
        place.mkdir()

    remove_data(data)

    assert not own.exists()
    assert binaries.exists()
