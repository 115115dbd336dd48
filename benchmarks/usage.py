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
    """Return the CPU time of a process and its descendants, including those that have ended."""
    # Parents last: the time of a child that ends meanwhile is then part of its parent's.
    return _sum(reversed(tree_of(pid)), _cpu_seconds_of)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; shared pages count in each."""
    return int(_sum(tree_of(pid), lambda process: process.memory_info().rss))


def proportional_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants; shared pages count once (PSS)."""
    return int(_sum(tree_of(pid), lambda process: process.memory_full_info().pss))


def reset_peak(pid: int) -> None:
    """Reset the peak memory of a process and its descendants to what they use now."""
    for process in tree_of(pid):
        Path(f"/proc/{process.pid}/clear_refs").write_text(_RESET_PEAK)


def peak_bytes(pid: int) -> int:
    """Return the sum of the peak resident memory of a process and its descendants."""
    return int(_sum(tree_of(pid), lambda process: peak_bytes_of_one(process.pid)))


def peak_bytes_of_one(pid: int | str) -> int:
    """Return the peak resident memory of one process, without its descendants.

    Not from `getrusage`: its `ru_maxrss` starts with the value of the parent process.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:")), 0)


def _cpu_seconds_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return sum((times.user, times.system, times.children_user, times.children_system))


def _sum(processes: Iterable[psutil.Process], measure: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):  # the process has just ended
            total += measure(process)
    return total
