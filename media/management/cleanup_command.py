"""Base class of the cleanup commands: options, report and exit codes."""

import json
import re
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from media.services.cleanup.grace import GraceTooShortError
from media.services.cleanup.report import CleanupReport, ProgressCallback, ignore_progress
from sartiq.core.errors import SartiqError
from sartiq.core.work.exclusive import AlreadyRunningError

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_BUSY: Final = 3
EXIT_INTERRUPTED: Final = 130  # as a shell reports Ctrl-C
EXIT_CODES: Final = (
    "Exit codes: 0 done (a dry run too), 1 the store or the database failed, or the bucket belongs"
    " to another environment (what is already done is not undone; run it again), 2 wrong usage, 3"
    " another run is in progress, 130 stopped by Ctrl-C."
)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_AGE: Final = re.compile(r"([0-9]{1,4})([mhd])")


class CleanupCommand(BaseCommand):
    """Reports what a cleanup would discard, and discards it with --execute."""

    item_name = "items"
    grace: timedelta
    action, done = "discard", "Discarded"  # as in "Would discard 3 …", "Discarded 3 …"
    skipped = "in use; the next run checks them again"  # as in "Skipped 3 …"
    shows_size = True  # whether the summary has the bytes of the items

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Run the service of this command."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of every cleanup."""
        add_shared_options(
            parser,
            grace=self.grace,
            execute=f"{self.action} them",
            limit=f"{self.action} at most N in this run",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the cleanup and print the report."""
        arguments = {name: options[name] for name in ("older_than", "limit", "execute")}
        with errors_as_exit_codes(), progress_bar() as on_progress:
            report = self.clean_up(**arguments, on_progress=on_progress)
        print_report = self._print_json if options["json"] else self._print_summary
        print_report(report, older_than=options["older_than"])

    def _print_json(self, report: CleanupReport, *, older_than: timedelta) -> None:
        payload = self.as_json(report) | {"older_than_seconds": int(older_than.total_seconds())}
        self.stdout.write(json.dumps(payload))

    def as_json(self, report: CleanupReport) -> dict[str, Any]:
        """Return the report as JSON."""
        return asdict(report)

    def _print_summary(self, report: CleanupReport, *, older_than: timedelta) -> None:
        action = self.done if report.executed else f"Would {self.action}"
        number = report.discarded if report.executed else report.candidates
        size = filesizeformat(report.bytes).replace("\xa0", " ")
        details = f"{readable(older_than)}, {size}" if self.shows_size else readable(older_than)
        self.stdout.write(f"{action} {number} {self.item_name} older than {details}.")
        for name in report.samples:
            self.stdout.write(f"  {name}")
        if report.candidates > len(report.samples):
            self.stdout.write(f"  and {report.candidates - len(report.samples)} more")
        self._print_footnotes(report)

    def _print_footnotes(self, report: CleanupReport) -> None:
        if report.expired_uploads:
            action = "Expired" if report.executed else "Would expire"
            self.stdout.write(f"{action} {report.expired_uploads} unused uploads.")
        remaining = report.candidates - report.discarded
        if report.executed and remaining:
            self.stdout.write(f"Skipped {remaining} {self.skipped}.")
        if not report.executed:
            self.stdout.write(f"Nothing was changed. Use --execute to {self.action}.")


def add_shared_options(
    parser: CommandParser, *, grace: timedelta, execute: str, limit: str
) -> None:
    """Add the options of all cleanups; `execute` and `limit` are the help texts of two of them."""
    parser.epilog = EXIT_CODES
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="only report (the default)")
    mode.add_argument("--execute", action="store_true", help=execute)
    parser.add_argument(
        "--older-than",
        type=age,
        default=grace,
        metavar="AGE",
        help=f"minimum age, such as 36h, 7d or 150m (default: {_as_age(grace)})",
    )
    parser.add_argument("--limit", type=positive_number, metavar="N", help=limit)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """End the command with the exit code of an error raised in the block."""
    try:
        yield
    except GraceTooShortError as error:
        raise CommandError(str(error), returncode=EXIT_USAGE) from error
    except AlreadyRunningError as error:
        raise CommandError(error.detail, returncode=EXIT_BUSY) from error
    except KeyboardInterrupt as error:
        message = "Stopped. What is already done is not undone; run it again."
        raise CommandError(message, returncode=EXIT_INTERRUPTED) from error
    except (SartiqError, DatabaseError) as error:
        message = f"{type(error).__name__}: {error.__cause__ or error}"
        raise CommandError(message, returncode=EXIT_FAILED) from error


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Show the number of checked items on standard error if it is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ignore_progress
        return
    columns = [TextColumn("Checked"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda checked: progress.advance(task, checked)


def age(text: str) -> timedelta:
    """Return the duration of a text such as 36h: a whole number of m, h or d."""
    match = _AGE.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a valid age. Use for example 24h, 36h or 7d."
        raise ArgumentTypeError(message)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def positive_number(text: str) -> int:
    """Return the number that a text spells, for argparse."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        message = f"{text!r} is not a positive whole number."
        raise ArgumentTypeError(message)
    return int(text)


def _as_age(duration: timedelta) -> str:
    """Return a duration in the form `age` reads."""
    minutes = int(duration.total_seconds()) // 60
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"


def readable(duration: timedelta) -> str:
    """Return a duration in hours and minutes, for people."""
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    return f"{hours} h" if not rest else f"{hours} h {rest // 60} min"
