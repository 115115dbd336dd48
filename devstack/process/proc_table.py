"""Queries of running processes."""

import os
from contextlib import suppress

import psutil


def family(pid: int) -> set[int]:
    """Return the ids of a process's children, their children and so on."""
    with suppress(psutil.NoSuchProcess):
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    return set()


def group(leader: int) -> set[int]:
    """Return the ids of the processes in the group of `leader`."""
    members = set()
    for pid in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == leader:
                members.add(pid)
    return members


def is_running(pid: int) -> bool:
    """Return whether a process is running; a zombie is not.

    Its first thread may end before the others, which still hold its files.
    """
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False
