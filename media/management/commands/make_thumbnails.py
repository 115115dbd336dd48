import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from media.management.cleanup_command import EXIT_CODES, errors_as_exit_codes, positive_number
from media.services import thumbnails
from media.services.thumbnails import ThumbnailReport
from media.storage import public_store


class Command(BaseCommand):
    """Creates missing thumbnails."""

    help = "Create the missing thumbnails of READY images. Only reports unless --execute is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.epilog = EXIT_CODES
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="only report (the default)")
        mode.add_argument("--execute", action="store_true", help="create the thumbnails")
        parser.add_argument(
            "--limit",
            type=positive_number,
            metavar="N",
            help="create at most N thumbnails in this run",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the missing thumbnails and print the report."""
        with errors_as_exit_codes():
            report = thumbnails.create_missing(
                store=public_store(), limit=options["limit"], execute=options["execute"]
            )
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _summary(report))


def _summary(report: ThumbnailReport) -> str:
    if not report.executed:
        lines = [f"Would create {report.missing} thumbnails."]
        return "\n".join([*lines, "Nothing was changed. Use --execute to create them."])
    lines = [f"Created {report.made} of {report.missing} missing thumbnails."]
    lines += [f"  {resource_id} failed: see the log" for resource_id in report.failed]
    return "\n".join(lines)
