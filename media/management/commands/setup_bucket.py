from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from media.storage import provision
from sartiq.core.errors import SartiqError


class Command(BaseCommand):
    """Make both buckets, the browser rules and the environment markers, as far as missing."""

    help = "Create the two buckets, their CORS rules and environment markers. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer a dry run."""
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")

    def handle(self, *args: Any, dry_run: bool = False, **options: Any) -> None:
        """Print one line for each step."""
        try:
            for sentence in provision.prepare_buckets(dry_run=dry_run):
                self.stdout.write(sentence)
        except SartiqError as error:
            reason = error.__cause__ or error.detail
            raise CommandError(f"{type(error).__name__}: {reason}") from error
