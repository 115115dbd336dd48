import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from media.services import store_verification
from media.storage import setup
from media.storage.setup import ConfirmAdoption, Step
from sartiq.core.errors import SartiqError


class Command(BaseCommand):
    """Creates and probes both buckets, their CORS rules and environment markers."""

    help = (
        "Create the two buckets, their CORS rules and environment markers, and check with "
        "probe objects that clients can use them. Safe to repeat. If the store does not "
        "allow a step, a warning says what to do manually."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--dry-run", action="store_true", help="Only show what would be done.")
        parser.add_argument(
            "--strict", action="store_true", help="Exit with 1 if a step must be done manually."
        )
        parser.add_argument(
            "--adopt",
            nargs="?",
            const="",
            metavar="OLD_ID",
            help=(
                "Take over the buckets of a moved or restored environment. Give the old identity"
                " here or at the prompt."
            ),
        )

    def handle(
        self,
        *args: Any,
        dry_run: bool = False,
        strict: bool = False,
        adopt: str | None = None,
        **options: Any,
    ) -> None:
        """Print one line for each step."""
        try:
            manual_steps = self._report(
                setup.prepare_buckets(adopt=self._adoption(adopt), dry_run=dry_run)
            )
            if not dry_run:
                manual_steps += self._report(store_verification.verify())
        except SartiqError as error:
            reason = error.__cause__ or error.detail
            raise CommandError(f"{type(error).__name__}: {reason}") from error
        except DatabaseError as error:
            message = f"The database failed ({error}). Has it been migrated?"
            raise CommandError(message) from error
        if manual_steps and strict:
            raise CommandError(f"Steps to do manually: {manual_steps}.")

    def _report(self, steps: Iterable[Step]) -> int:
        """Print the steps as they are done; return how many must be done manually."""
        manual_steps = 0
        for step in steps:
            if step.manual_step:
                manual_steps += 1
                self.stderr.write(self.style.WARNING(f"Warning: {step.sentence}"))
                self.stderr.write(step.manual_step)
            else:
                self.stdout.write(step.sentence)
        return manual_steps

    def _adoption(self, adopt: str | None) -> ConfirmAdoption | None:
        if adopt is None:
            return None
        if adopt:
            return lambda _bucket, old: adopt == old
        if not sys.stdin.isatty():
            raise CommandError(
                "There is no terminal for a prompt. Pass the old identity: --adopt OLD_ID"
            )
        return self._confirm

    def _confirm(self, bucket: str, old: str) -> bool:
        self.stdout.write(f"Bucket {bucket} belongs to {old}.")
        return input("Enter its identity to take over the bucket: ").strip() == old
