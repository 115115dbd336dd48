"""What the commands of the sweeps share: their options, their summary, their exit codes."""

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

from media.services import cleanup
from media.services.cleanup import GraceTooShortError, SweepReport, Watch
from sartiq.core.errors import SartiqError

FAULT: Final = 1
USAGE: Final = 2
EXIT_CODES: Final = (
    "Exit codes: 0 done (a dry run too), 1 the store or the database failed (what was done stays"
    " done; run it again), 2 wrong usage."
)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_AGE: Final = re.compile(r"([0-9]{1,4})([mhd])")


class SweepCommand(BaseCommand):
    """Report what a sweep would discard; with --execute, discard it."""

    things = "things"

    def sweep(
        self, *, older_than: timedelta, limit: int | None, execute: bool, watch: Watch
    ) -> SweepReport:
        """Run the service of this command."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the options every sweep has."""
        parser.epilog = EXIT_CODES
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="only report (the default)")
        mode.add_argument("--execute", action="store_true", help="really discard")
        parser.add_argument(
            "--older-than",
            type=age,
            default=cleanup.GRACE,
            metavar="AGE",
            help="look at what is older: 36h, 7d, 150m (24h)",
        )
        parser.add_argument("--limit", type=count, metavar="N", help="at most N in this run")
        parser.add_argument("--json", action="store_true", help="print the report as one object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep and print the report."""
        chosen = {name: options[name] for name in ("older_than", "limit", "execute")}
        try:
            with self._progress() as watch:
                report = self.sweep(**chosen, watch=watch)
        except GraceTooShortError as error:
            raise CommandError(str(error), returncode=USAGE) from error
        except (SartiqError, DatabaseError) as error:
            message = f"{type(error).__name__}: {error.__cause__ or error}"
            raise CommandError(message, returncode=FAULT) from error
        print_report = self._print_json if options["json"] else self._print_summary
        print_report(report, older_than=options["older_than"])

    @contextmanager
    def _progress(self) -> Iterator[Watch]:
        """Draw how many were looked at, on the terminal only and never into the report."""
        console = Console(stderr=True)
        if not console.is_terminal:
            yield cleanup.nothing
            return
        columns = [TextColumn("Looked at"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=None)
            yield lambda looked_at: progress.advance(task, looked_at)

    def _print_json(self, report: SweepReport, *, older_than: timedelta) -> None:
        told = asdict(report) | {"older_than_seconds": int(older_than.total_seconds())}
        self.stdout.write(json.dumps(told))

    def _print_summary(self, report: SweepReport, *, older_than: timedelta) -> None:
        did = "Discarded" if report.executed else "Would discard"
        number = report.discarded if report.executed else report.candidates
        size = filesizeformat(report.bytes).replace("\xa0", " ")
        self.stdout.write(f"{did} {number} {self.things} older than {_told(older_than)}, {size}.")
        for name in report.samples:
            self.stdout.write(f"  {name}")
        if report.candidates > len(report.samples):
            self.stdout.write(f"  and {report.candidates - len(report.samples)} more")
        self._print_footnotes(report)

    def _print_footnotes(self, report: SweepReport) -> None:
        if report.expired_uploads:
            did = "Expired" if report.executed else "Would expire"
            self.stdout.write(f"{did} {report.expired_uploads} uploads nobody used.")
        left = report.candidates - report.discarded
        if report.executed and left:
            self.stdout.write(f"Left {left} that somebody uses; the next run looks again.")
        if not report.executed:
            self.stdout.write("Nothing was changed; --execute does it.")


def age(text: str) -> timedelta:
    """Return the duration a person wrote: a whole number of m, h or d."""
    match = _AGE.fullmatch(text)
    if match is None:
        message = f"{text!r} is no age; write for example 24h, 36h or 7d"
        raise ArgumentTypeError(message)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def count(text: str) -> int:
    """Return a positive whole number."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        message = f"{text!r} is no number above 0"
        raise ArgumentTypeError(message)
    return int(text)


def _told(duration: timedelta) -> str:
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    return f"{hours} h" if not rest else f"{hours} h {rest // 60} min"
