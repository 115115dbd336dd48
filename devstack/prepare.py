"""Bring an empty or older stack to where the product can start; print who may sign in.

Runs as a process of its own, with the environment of the product: one start of Django instead of
one for each command. The last line of its output is one JSON object.
"""

import django
from django.core.management import call_command


def main() -> None:
    """Migrate, make the buckets, make the development users."""
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("setup_bucket")
    call_command("create_dev_users", json=True)


if __name__ == "__main__":
    main()
