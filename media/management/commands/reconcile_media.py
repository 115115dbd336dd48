import json
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from media.errors import EmptyBucketError, LostNotConfirmedError, ReportNotApprovableError
from media.management.cleanup_command import (
    EXIT_USAGE,
    add_shared_options,
    errors_as_exit_codes,
    positive_number,
    progress_bar,
)
from media.models import ReconcileReport, ReconcileState
from media.rules import limits
from media.services.reconcile import unknown_objects
from media.services.reconcile.service import reconcile
from media.storage import public_store

EXIT_STOPPED: Final = 4
STOPPED: Final = " 4 stopped by a safety limit: too many files are missing, or the bucket is empty."
COUNTS: Final = (
    "objects_compared",
    "rows_compared",
    "missing",
    "changed",
    "failed",
    "returned",
    "recorded",
    "reported",
    "reported_bytes",
    "approved",
    "max_lost",
)


class Command(BaseCommand):
    """Compares the bucket with the rows, in both directions."""

    help = (
        "Compare the public bucket with the media resources: files whose object is missing or"
        " changed become FAILED, and objects that belong to no row are reported. They are deleted"
        " only after --approve. Only reports unless --execute is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of every cleanup, and those of a pass."""
        add_shared_options(
            parser,
            grace=limits.UNKNOWN_GRACE,
            execute="change what differs",
            limit="compare at most N objects in this run",
        )
        parser.epilog = f"{parser.epilog}{STOPPED}"
        parser.add_argument(
            "--resume", action="store_true", help="continue an unfinished pass (with --execute)"
        )
        parser.add_argument(
            "--confirm-missing",
            type=positive_number,
            metavar="N",
            help="go on although the last pass stopped at N missing or changed files",
        )
        parser.add_argument(
            "--approve",
            type=UUID,
            metavar="REPORT_ID",
            help="queue the deletion of the unknown objects of this report (with --execute)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, or approve a report, and print the result."""
        with errors_as_exit_codes(), progress_bar() as on_progress:
            try:
                if options["approve"]:
                    report = self._approve(options, on_progress)
                else:
                    report = reconcile(
                        store=public_store(),
                        older_than=options["older_than"],
                        limit=options["limit"],
                        execute=options["execute"],
                        resume=options["resume"],
                        confirm_lost=options["confirm_missing"],
                        on_progress=on_progress,
                    )
            except EmptyBucketError as error:
                raise CommandError(error.detail, returncode=EXIT_STOPPED) from error
            except (LostNotConfirmedError, ReportNotApprovableError) as error:
                raise CommandError(error.detail, returncode=EXIT_USAGE) from error
        self._print(report, options)
        if not options["approve"] and report.lost > report.max_lost:
            raise CommandError(_stopped(report), returncode=EXIT_STOPPED)

    def _approve(self, options: dict[str, Any], on_progress: Any) -> ReconcileReport:
        if options["execute"]:
            return unknown_objects.approve(options["approve"], on_progress=on_progress)
        return unknown_objects.require_approvable(options["approve"])

    def _print(self, report: ReconcileReport, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, options["execute"])))
            return
        lines = _approval(report) if options["approve"] else _summary(report)
        self.stdout.write("\n".join(lines))
        if not options["execute"]:
            self.stdout.write("Nothing was changed. Use --execute.")


def _as_json(report: ReconcileReport, executed: bool) -> dict[str, Any]:  # noqa: FBT001  a flag of the report
    counts = {name: getattr(report, name) for name in COUNTS}
    return {
        "executed": executed,
        "report_id": None if report._state.adding else str(report.pk),  # noqa: SLF001  not saved
        "state": report.state,
        **counts,
        "samples": report.samples,
    }


def _summary(report: ReconcileReport) -> list[str]:
    lines = [
        f"Compared {report.objects_compared} objects with {report.rows_compared} rows.",
        f"Missing: {report.missing}. Changed: {report.changed}. Marked as failed: {report.failed}.",
        f"Found again: {report.returned}. Unknown objects: {report.recorded}.",
    ]
    for name, names in report.samples.items():
        lines += [f"  {name}: {key}" for key in names]
    if report.only_counts and report.lost:
        lines.append("No file was marked as failed: this pass only counts. See --confirm-missing.")
    if report.state == ReconcileState.RUNNING:
        lines.append("The end was not reached. Continue with --execute --resume.")
    if report.reported:
        size = filesizeformat(report.reported_bytes).replace("\xa0", " ")
        lines.append(
            f"{report.reported} of them ({size}) can be deleted. If they are not files of a newer"
            f" database: --execute --approve {report.pk}"
        )
    return lines


def _approval(report: ReconcileReport) -> list[str]:
    if report.approved_at:
        return [f"Queued {report.approved} of {report.reported} unknown objects for deletion."]
    return [f"Would queue {report.reported} unknown objects for deletion."]


def _stopped(report: ReconcileReport) -> str:
    return (
        f"Stopped: {report.lost} files are missing or changed, more than {report.max_lost}. Check"
        " the bucket. If they are really lost: --execute --confirm-missing"
        f" {report.lost}"
    )
