import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from media.services import proof
from media.storage import setup
from media.storage.setup import Ask, Step
from sartiq.core.errors import SartiqError


class Command(BaseCommand):
    """Make both buckets, the browser rules and the environment markers, then try them."""

    help = (
        "Create the two buckets, their CORS rules and environment markers, and prove with probe"
        " objects that clients can use them. Safe to repeat. A part the store does not let us do is"
        " a warning that says what to do by hand."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer a dry run, strictness and adoption."""
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")
        parser.add_argument(
            "--strict", action="store_true", help="Exit with 1 when anything is left to do by hand."
        )
        parser.add_argument(
            "--adopt",
            nargs="?",
            const="",
            metavar="OLD_ID",
            help=(
                "Take over buckets of a moved or restored environment: give the old identity, or"
                " type it when asked."
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
            left = self._report(setup.prepare_buckets(adopt=self._ask(adopt), dry_run=dry_run))
            if not dry_run:
                left += self._report(proof.prove())
        except SartiqError as error:
            reason = error.__cause__ or error.detail
            raise CommandError(f"{type(error).__name__}: {reason}") from error
        except DatabaseError as error:
            message = f"The database does not answer as expected ({error}); has it been migrated?"
            raise CommandError(message) from error
        if left and strict:
            raise CommandError(f"{left} of the parts are left to do by hand.")

    def _report(self, steps: Iterable[Step]) -> int:
        """Print the steps as they come; return how many leave something to do."""
        left = 0
        for step in steps:
            if step.by_hand:
                left += 1
                self.stderr.write(self.style.WARNING(f"Warning: {step.sentence}"))
                self.stderr.write(step.by_hand)
            else:
                self.stdout.write(step.sentence)
        return left

    def _ask(self, adopt: str | None) -> Ask | None:
        if adopt is None:
            return None
        if adopt:
            return lambda _bucket, old: adopt == old
        if not sys.stdin.isatty():
            raise CommandError("Without a terminal give the old identity: --adopt OLD_ID")
        return self._typed

    def _typed(self, bucket: str, old: str) -> bool:
        self.stdout.write(f"Bucket {bucket} belongs to {old}.")
        return input("Type its identity to take the bucket over: ").strip() == old
