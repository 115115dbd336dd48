"""`make chaos`: cause failures of a running product, and check that it recovers by itself."""

import argparse
import sys

from chaos import broker_pauses, storm
from devstack.product import Product
from devstack.services.stack import Stack


def main() -> int:
    """Run both tests; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("--pauses", type=int, default=20, help="pauses of the broker")
    parser.add_argument("--shortest", type=float, default=8.0, help="shortest pause in seconds")
    parser.add_argument("--longest", type=float, default=30.0, help="longest pause in seconds")
    parser.add_argument("--uploads", type=int, default=400, help="photos during the storm")
    options = parser.parse_args()
    with Product(Stack.temporary(environ={}), settings="sartiq.settings.development") as product:
        failed = broker_pauses.run(
            product, pauses=options.pauses, shortest=options.shortest, longest=options.longest
        )
        print(f"{options.pauses - failed} of {options.pauses} pauses passed", flush=True)
        survived = storm.run(product, uploads=options.uploads)
    return 0 if survived and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
