import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from media.management.sweeping import EXIT_CODES, FAULT, count
from media.services import thumbnails
from media.services.thumbnails import ThumbnailReport
from media.storage import public_store
from sartiq.core.errors import SartiqError


class Command(BaseCommand):
    """Make the thumbnails that images lack."""

    help = "Make the thumbnails that READY images lack. Reports unless --execute."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the options of the sweeps, less the age."""
        parser.epilog = EXIT_CODES
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="only report (the default)")
        mode.add_argument("--execute", action="store_true", help="really make them")
        parser.add_argument("--limit", type=count, metavar="N", help="at most N in this run")
        parser.add_argument("--json", action="store_true", help="print the report as one object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them and print the report."""
        try:
            report = thumbnails.make_missing(
                store=public_store(), limit=options["limit"], execute=options["execute"]
            )
        except (SartiqError, DatabaseError) as error:
            message = f"{type(error).__name__}: {error.__cause__ or error}"
            raise CommandError(message, returncode=FAULT) from error
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _summary(report))


def _summary(report: ThumbnailReport) -> str:
    if not report.executed:
        return f"Would make {report.missing} thumbnails.\nNothing was changed; --execute does it."
    lines = [f"Made {report.made} of {report.missing} missing thumbnails."]
    lines += [f"  {resource_id} has none: see the log" for resource_id in report.failed]
    return "\n".join(lines)
