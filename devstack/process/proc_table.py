"""Which processes there are, read from Linux's `/proc`; elsewhere none are found."""

from pathlib import Path


def family(pid: int) -> set[int]:
    """Return the ids of a process's children, their children and so on."""
    pids: set[int] = set()
    for thread in _threads(pid):
        for child in map(int, read_if_there(thread / "children").split()):
            pids |= {child} | family(child)
    return pids


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it may end at any moment
        return []


def group(leader: int) -> set[int]:
    """Return the ids of the processes in the group of `leader`."""
    return {
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if read_if_there(stat).rpartition(")")[2].split()[2:3] == [str(leader)]
    }


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits to be reaped does not.

    Its first thread may end before the others, which still hold its files.
    """
    status = read_if_there(Path(f"/proc/{pid}/status"))
    return bool(status) and ("(zombie)" not in status or "Threads:\t1\n" not in status)


def read_if_there(file: Path) -> str:
    """Return what a file below `/proc` says, and nothing when its process is gone or not ours."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
