"""Preparation of a stack: migrations, buckets and users.

Runs in a separate process with the environment of the product, so that Django starts only
once. The last line of its output is a JSON object with the users. It exits with `EX_CONFIG` if the
settings are invalid, as another attempt would fail too.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError


def main() -> None:
    """Run the migrations, and create the buckets and the development users."""
    try:
        django.setup()
        call_command("check")
    except (ImproperlyConfigured, SystemCheckError) as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_CONFIG)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("setup_bucket")
    call_command("create_dev_users", json=True)


if __name__ == "__main__":
    main()
