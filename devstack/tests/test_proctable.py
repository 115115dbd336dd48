import subprocess
import sys

from devstack.proctable import family

CHILDREN_COME_AND_GO = """
import os
while True:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_processes_may_end_while_they_are_looked_at() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILDREN_COME_AND_GO]) as parent:
        try:
            found = [family(parent.pid) for _ in range(5000)]
        finally:
            parent.kill()

    assert any(found)
