"""What processes cost: CPU and memory of a tree of them, as Linux counts it in /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_FORGET_PEAK = "5"  # written to clear_refs: the peak begins anew (proc_pid_clear_refs(5))


def tree_of(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    pids, ahead = [], [pid]
    while ahead:
        each = ahead.pop()
        pids.append(each)
        for thread in _threads(each):
            ahead.extend(int(child) for child in _read(thread / "children").split())
    return pids


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").glob("*"))
    except FileNotFoundError:  # it has ended since it was listed
        return []


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its descendants, and those of them that ended."""
    # Parents last: the time of a child that ends meanwhile is then its parent's.
    return sum(_cpu_of(each) for each in reversed(tree_of(pid)))


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its descendants."""
    return sum(_status(each, "VmRSS") for each in tree_of(pid))


def forget_peak(pid: int) -> None:
    """Begin to measure the peak of a process and its descendants anew."""
    for each in tree_of(pid):
        Path(f"/proc/{each}/clear_refs").write_text(_FORGET_PEAK)


def peak(pid: int) -> int:
    """Return the peak bytes of a process and its descendants: the sum of each one's own peak."""
    return sum(_status(each, "VmHWM") for each in tree_of(pid))


def _cpu_of(pid: int) -> float:
    stat = _read(Path(f"/proc/{pid}/stat"))
    times = stat.rpartition(")")[2].split()[11:15]  # utime, stime, cutime, cstime
    return sum(map(int, times)) / TICKS


def _status(pid: int, name: str) -> int:
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    """Return what Linux says, nothing about a process that has ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
