"""Bring an empty or older stack to where the product can start; print who may sign in.

Runs as a process of its own, with the environment of the product: one start of Django instead of
one for each command. The last line of its output is one JSON object. It exits with `EX_CONFIG`
when the settings are refused: another try would change nothing.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError


def main() -> None:
    """Migrate, make the buckets, make the development users."""
    try:
        django.setup()
        call_command("check")
    except (ImproperlyConfigured, SystemCheckError) as refused:
        print(refused, file=sys.stderr)
        sys.exit(os.EX_CONFIG)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("setup_bucket")
    call_command("create_dev_users", json=True)


if __name__ == "__main__":
    main()
