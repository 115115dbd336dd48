"""A TCP proxy in front of the object store whose faults can be changed while it runs.

A fault applies to connections that are already open too: clients keep them in pools, and a fault
that only new connections see would not be noticed for minutes.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from enum import StrEnum
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

from devstack.process.ports import LOOPBACK, free_pairs

CHUNK_BYTES: Final = 64 * 1024
LATENCY_SECONDS: Final = 0.3
LOST_SHARE: Final = 0.5  # of the responses, so that some clients get one
SWITCH_SECONDS: Final = 10.0  # for a change of the fault
TURNS_TO_CLOSE: Final = 3  # of the event loop, until the transports are closed
INTERIM_RESPONSE: Final = b"HTTP/1.1 100"  # comes before the request is complete
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER


class StoreFault(StrEnum):
    """What the proxy does to connections.

    SLOW: each request is late. HUNG: nothing passes, and what was sent arrives later.
    RESET: a connection is reset when its client sends something. RESPONSES_LOST: the store handles
    the request, and the connection is reset instead of the response. REFUSED: nothing listens.
    """

    SLOW = "slow"
    HUNG = "hung"
    RESET = "reset"
    RESPONSES_LOST = "responses-lost"
    REFUSED = "refused"


class StoreProxy:
    """Passes connections on to the port `target`, on a port of its own."""

    def __init__(self, *, target: int = 0, seed: int = 0, latency: float = LATENCY_SECONDS) -> None:
        self.target = target
        self.latency = latency  # of SLOW, in seconds
        self.port = free_pairs(1)[0]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.fault: StoreFault | None = None
        self.random = random.Random(seed)  # noqa: S311  no secret
        self.open: set[_Connection] = set()
        self.flowing = asyncio.Event()
        self.resets = 0
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="store proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()
        self.set(None)

    def stop(self) -> None:
        """Close all connections, and stop to listen."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, fault: StoreFault | None) -> None:
        """Cause a fault instead of the current one; it has begun for all connections on return."""
        self._run(self._switch(fault))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, coroutine: Any) -> None:
        running: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        running.result(SWITCH_SECONDS)

    async def _switch(self, fault: StoreFault | None) -> None:
        self.fault = fault
        if fault in {StoreFault.RESET, StoreFault.REFUSED}:
            for connection in list(self.open):
                connection.reset()
        if fault is StoreFault.HUNG:
            self.flowing.clear()
        else:
            self.flowing.set()
        if fault is StoreFault.REFUSED:
            self._stop_listening()
        elif self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await _Connection(self, reader, writer).serve()

    async def _close(self) -> None:
        self._stop_listening()
        self.flowing.set()
        for connection in list(self.open):
            connection.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(TURNS_TO_CLOSE):
            await asyncio.sleep(0)


class _Connection:
    """One connection of a client, with one to the store."""

    def __init__(
        self, proxy: StoreProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client = (reader, writer)
        self._pumps: list[asyncio.Task[None]] = []
        self._response_due = False

    async def serve(self) -> None:
        """Pass bytes on in both directions until one side closes the connection."""
        self._proxy.open.add(self)
        writers = [self._client[1]]
        try:
            await self._proxy.flowing.wait()
            reader, writer = await asyncio.open_connection(LOOPBACK, self._proxy.target)
            writers.append(writer)
            self._pumps = [
                asyncio.create_task(self._pump(self._client[0], writer, self._before_request)),
                asyncio.create_task(self._pump(reader, self._client[1], self._before_response)),
            ]
            await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            self.reset()
        finally:
            self._proxy.open.discard(self)
            for pump in self._pumps:
                pump.cancel()
            for writer in writers:
                writer.close()

    def reset(self) -> None:
        """Reset the client's connection."""
        self._proxy.resets += 1
        transport = self._client[1].transport
        opened = transport.get_extra_info("socket")
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        for pump in self._pumps:
            pump.cancel()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        before: Callable[[bytes], Awaitable[bool]],
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if not await before(chunk):
                    self.reset()
                    return
                writer.write(chunk)
                await writer.drain()

    async def _before_request(self, _chunk: bytes) -> bool:
        """Wait while the fault lasts; return whether to pass the bytes on."""
        await self._proxy.flowing.wait()
        if self._proxy.fault is StoreFault.SLOW and not self._response_due:
            await asyncio.sleep(self._proxy.latency)
        self._response_due = True
        return self._proxy.fault is not StoreFault.RESET

    async def _before_response(self, chunk: bytes) -> bool:
        """Wait while the fault lasts; return whether to pass the bytes on."""
        await self._proxy.flowing.wait()
        is_start = self._response_due and not chunk.startswith(INTERIM_RESPONSE)
        if is_start:
            self._response_due = False
        is_lost = is_start and self._proxy.fault is StoreFault.RESPONSES_LOST
        return not is_lost or self._proxy.random.random() >= LOST_SHARE
