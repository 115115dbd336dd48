"""The three services, and the environment variables with their addresses."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.folders import StackPaths, data_folder, persistent_paths, temporary_paths
from devstack.process.child import Child, stop_all
from devstack.services.postgres import Postgres
from devstack.services.seaweedfs import Seaweed
from devstack.services.valkey import Valkey

BUCKETS = ("sartiq-media", "sartiq-private")
Service = Postgres | Valkey | Seaweed


class Stack:
    """PostgreSQL, Valkey and SeaweedFS on addresses that are fixed before anything starts.

    `DATABASE_URL`, `BROKER_URL` and `S3_ENDPOINT_URL` in `environ` replace the embedded service;
    `STORAGE=local` runs no object store.
    """

    def __init__(self, *, paths: StackPaths, environ: Mapping[str, str]) -> None:
        paths.data.mkdir(parents=True, exist_ok=True)
        paths.logs.mkdir(parents=True, exist_ok=True)
        self.paths = paths
        self._released = False
        self._environ = {name: value for name, value in environ.items() if value}
        self.env = self._common_env()
        self.seaweed = self._make_seaweed()
        self.valkey = None if "BROKER_URL" in self._environ else Valkey(self.paths)
        self.postgres = None if "DATABASE_URL" in self._environ else Postgres(self.paths)
        self._set_addresses()

    @classmethod
    def temporary(cls, *, environ: Mapping[str, str]) -> Self:
        """Return a stack whose data is removed when it stops."""
        return cls(paths=temporary_paths(), environ=environ)

    @classmethod
    def persistent(cls, *, environ: Mapping[str, str]) -> Self:
        """Return a stack with persistent data, in `.devstack/` or `DEVSTACK_DIR`."""
        return cls(paths=persistent_paths(data_folder(environ)), environ=environ)

    @property
    def services(self) -> list[Service]:
        """The embedded services, in the order they start."""
        services = (self.seaweed, self.valkey, self.postgres)
        return [service for service in services if service is not None]

    @property
    def children(self) -> list[Child]:
        """The processes of the embedded services."""
        return [service.child for service in self.services]

    def start(self) -> None:
        """Start every service and wait until each is ready; stop all on failure."""
        try:
            self.restart_dead()
        except BaseException:
            self.stop()
            raise

    def restart_dead(self) -> None:
        """Start every service that does not run and wait until each is ready."""
        for service in self.services:
            if not service.child.is_alive:
                service.child.kill()  # reap it and end its descendants
                service.launch()
        for service in self.services:
            service.wait_ready()

    def require_alive(self) -> None:
        """Raise `ProcessEndedError` unless every service runs."""
        for child in self.children:
            child.require_alive()

    def stop(self) -> None:
        """Stop every service and remove temporary folders."""
        stop_all(self.children)
        if not self._released:
            self._released = True
            self.paths.release()

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

    def _common_env(self) -> dict[str, str]:
        defaults = {
            "ENVIRONMENT_NAME": "test" if self.paths.temporary else "development",
            "STORAGE": "s3",
            "LOCAL_STORE_DIR": str(self.paths.data / "store"),
            "TEMPORARY_DIR": str(self.paths.data / "temporary"),
            "R2_BUCKET_NAME": BUCKETS[0],
            "R2_PRIVATE_BUCKET_NAME": BUCKETS[1],
            **_load_secrets(self.paths.data / "secrets.json"),
        }
        return {name: self._environ.get(name, value) for name, value in defaults.items()}

    def _make_seaweed(self) -> Seaweed | None:
        if self.env["STORAGE"] == "local" or "S3_ENDPOINT_URL" in self._environ:
            return None
        return Seaweed(
            self.paths,
            keys=(self.env["S3_ACCESS_KEY_ID"], self.env["S3_SECRET_ACCESS_KEY"]),
            buckets=(self.env["R2_BUCKET_NAME"], self.env["R2_PRIVATE_BUCKET_NAME"]),
        )

    def _set_addresses(self) -> None:
        addresses = {
            "DATABASE_URL": self.postgres.url if self.postgres else "",
            "BROKER_URL": self.valkey.url if self.valkey else "",
            "S3_ENDPOINT_URL": self.seaweed.url if self.seaweed else "",
            "S3_PUBLIC_ENDPOINT_URL": self.seaweed.url if self.seaweed else "",
        }
        for name, embedded in addresses.items():
            address = self._environ.get(name) or embedded
            if address:
                self.env[name] = address


def _load_secrets(file: Path) -> dict[str, str]:
    if not file.exists():
        defaults = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "S3_ACCESS_KEY_ID": secrets.token_hex(10),
            "S3_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        }
        partial = file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(defaults))
        partial.rename(file)
    return dict(json.loads(file.read_text()))
