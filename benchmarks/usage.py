"""CPU time and memory of a process and its descendants."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

KIB = 1024
_RESET_PEAK = "5"  # written to clear_refs, resets VmHWM: see proc_pid_clear_refs(5)


def tree_of(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants, parents first."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its descendants, and those of them that ended."""
    # Parents last: if a child ends in the meantime, its time is then counted for its parent.
    return _sum(reversed(tree_of(pid)), lambda process: sum(process.cpu_times()[:4]))


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its descendants."""
    return int(_sum(tree_of(pid), lambda process: process.memory_info().rss))


def proportional(pid: int) -> int:
    """Return the memory of a process and its descendants, shared pages counted once."""
    return int(_sum(tree_of(pid), lambda process: process.memory_full_info().pss))


def reset_peak(pid: int) -> None:
    """Reset the peak memory of a process and its descendants to what they use now."""
    for process in tree_of(pid):
        Path(f"/proc/{process.pid}/clear_refs").write_text(_RESET_PEAK)


def peak(pid: int) -> int:
    """Return the sum of the peak bytes of a process and its descendants."""
    return int(_sum(tree_of(pid), lambda process: peak_of(process.pid)))


def peak_of(pid: int | str) -> int:
    """Return the peak bytes of one process; `ru_maxrss` would include those of its parent."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:")), 0)


def _sum(processes: Iterable[psutil.Process], figure: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):  # the process has just ended
            total += figure(process)
    return total
