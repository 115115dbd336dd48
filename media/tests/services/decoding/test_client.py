import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from media.services.decoding import client, decode
from media.tests.rules.file_types.specimens import still
from media.tests.services.decoding.decoders import (
    TIMEOUT_SECONDS,
    decode_request,
    decoder_pid,
    forks_of,
    holder,
    is_gone,
    send_request,
    wait_until,
)


@pytest.mark.covers("F06")
def test_a_killed_child_is_replaced(fresh_decoder: None, file: Callable[[bytes], Path]) -> None:
    path = file(still("image/png"))
    decode.decode(path, "image/png")
    first = client.running_pid()
    assert first is not None

    os.kill(first, signal.SIGKILL)
    properties = decode.decode(path, "image/png")

    assert properties.width == 64
    assert client.running_pid() not in {None, first}


@pytest.mark.covers("F06")
def test_a_file_that_crashes_the_fork_is_refused_and_the_child_survives(
    fresh_decoder: None, endless: Path, file: Callable[[bytes], Path]
) -> None:
    decode.decode(file(still("image/png")), "image/png")
    pid = client.running_pid()
    assert pid is not None
    replies: list[dict[str, object]] = []
    waiting = threading.Thread(target=lambda: replies.append(client.ask(decode_request(endless))))

    waiting.start()
    wait_until(lambda: len(forks_of(pid)) == 1)
    os.kill(forks_of(pid)[0], signal.SIGSEGV)
    waiting.join(TIMEOUT_SECONDS)

    assert [reply["fault"] for reply in replies] == ["crashed"]
    assert client.running_pid() == pid


def test_a_forked_process_starts_its_own_child(
    fresh_decoder: None, file: Callable[[bytes], Path]
) -> None:
    path = file(still("image/png"))
    decode.decode(path, "image/png")
    own_pid = client.running_pid()

    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            decode.decode(path, "image/png")
            os.write(write_end, str(client.running_pid()).encode())
            client.stop()
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    child_pid = int(os.read(read_end, 20))
    os.close(read_end)

    assert child_pid != own_pid
    assert decode.decode(path, "image/png").width == 64
    assert client.running_pid() == own_pid


@pytest.mark.covers("T31")
@pytest.mark.parametrize("busy", [False, True])
def test_the_child_of_a_killed_process_ends(
    *, busy: bool, endless: Path, file: Callable[[bytes], Path]
) -> None:
    with holder() as process:
        send_request(process, decode_request(file(still("image/jpeg"))))
        child = decoder_pid(process)
        assert child is not None
        remaining = [child]
        if busy:
            send_request(process, decode_request(endless, 60))
            wait_until(lambda: len(forks_of(child)) == 1)
            remaining += forks_of(child)

    wait_until(lambda: all(is_gone(pid) for pid in remaining))


def test_an_interrupted_request_leaves_no_stale_reply(
    fresh_decoder: None, endless: Path, file: Callable[[bytes], Path]
) -> None:
    class TimeLimitError(Exception):
        """Raised by the alarm, as Celery's soft time limit is."""

    def interrupt(*_: object) -> None:
        raise TimeLimitError

    path = file(still("image/png"))
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(TimeLimitError):
            client.ask(decode_request(endless))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert decode.decode(path, "image/png").width == 64


@pytest.mark.covers("T31")
def test_threads_take_turns(file: Callable[[bytes], Path]) -> None:
    path = file(still("image/jpeg"))
    widths: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: widths.append(decode.decode(path, "image/jpeg").width))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)

    assert widths == [64] * 8
