import subprocess
import sys
from pathlib import Path

from devstack.process.child import wait_until
from devstack.process.proc_table import family, is_running

FORKS_ALL_THE_TIME = """
import os
print("started", flush=True)
while True:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_processes_may_end_while_they_are_inspected() -> None:
    command = [sys.executable, "-c", FORKS_ALL_THE_TIME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "started\n"
            families = [family(parent.pid) for _ in range(300)]
        finally:
            parent.kill()

    assert any(families)


ONLY_ITS_SECOND_THREAD_RUNS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_runs_until_its_last_thread_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", ONLY_ITS_SECOND_THREAD_RUNS]) as process:
        status = Path(f"/proc/{process.pid}/status")
        wait_until(lambda: "(zombie)" in status.read_text(), what="the thread", seconds=20)

        running = is_running(process.pid)
        process.kill()

        wait_until(lambda: not is_running(process.pid), what="the exit", seconds=20)
    assert running
