import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import dev_users

DEFAULT_PASSWORD = "development-only-4711"  # noqa: S105  only for development


class Command(BaseCommand):
    """Create the users for development and the demo."""

    help = "Create a superuser, an organization's owner and member, and an outsider (idempotent)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for JSON output and a dry run."""
        parser.add_argument("--json", action="store_true", help="print the users as JSON")
        parser.add_argument(
            "--dry-run", action="store_true", help="list the users without creating them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the users and print their credentials."""
        if not getattr(settings, "ALLOW_DEV_USERS", settings.DEBUG):
            raise CommandError(
                "Development users have a known password. Create them in development only."
            )
        if options["dry_run"]:
            emails = [dev_users.email_of(name) for name in dev_users.NAMES]
            self.stdout.write("Would create or restore: " + ", ".join(emails))
            return
        demo_users = dev_users.create(
            password=os.environ.get("DEV_USERS_PASSWORD") or DEFAULT_PASSWORD
        )
        self.stdout.write(_as_json(demo_users) if options["json"] else _as_text(demo_users))


def _as_json(demo_users: dev_users.DevUsers) -> str:
    users = {
        name: {"email": email, "password": demo_users.password}
        for name, email in demo_users.emails.items()
    }
    return json.dumps(
        {
            "organization_id": str(demo_users.organization_id),
            "other_organization_id": str(demo_users.other_organization_id),
            "users": users,
        }
    )


def _as_text(demo_users: dev_users.DevUsers) -> str:
    lines = [f"{name:<10} {email}" for name, email in demo_users.emails.items()]
    return "\n".join([f"Organization {demo_users.organization_id}", *lines])
