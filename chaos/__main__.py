"""`make chaos`: break a running product, and check that nothing is lost and it recovers by itself.

Exit codes: 0 passed, 1 a promise was broken, 2 wrong usage, 3 the product could not be started or
the test itself failed, 130 stopped by a signal.
"""

import argparse
import random
import shutil
import sys
from pathlib import Path

from chaos import broker_pauses, report
from chaos.run import Options, run
from chaos.store_proxy import StoreProxy
from devstack.process.child import DevstackError
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.product import Product
from devstack.services.stack import Stack

FAILED, UNUSABLE, STOPPED = 1, 3, 130
MAX_SEED = 2**31


def main() -> int:
    """Run the test and print its report; return the exit code."""
    options = _parser().parse_args()
    stop_on_signals()
    try:
        return _test(options)
    except StopRequestedError:
        return STOPPED
    except DevstackError as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("--minutes", type=_positive, default=10.0, help="minutes of faults")
    parser.add_argument("--uploads", type=_whole, default=2000, help="photos in this time")
    parser.add_argument("--seed", type=_whole, help="repeats the faults of another run")
    parser.add_argument("--pauses", type=_whole, default=5, help="pauses of the broker before that")
    parser.add_argument("--logs", type=Path, help="a new folder for the logs of a failed run")
    return parser


def _test(options: argparse.Namespace) -> int:
    seed = random.randrange(MAX_SEED) if options.seed is None else options.seed  # noqa: S311
    print(f"seed {seed}", flush=True)
    stack = Stack.temporary(environ={})
    with StoreProxy(seed=seed) as proxy:
        proxy.target = 0 if stack.seaweed is None else stack.seaweed.port
        env = {"S3_ENDPOINT_URL": proxy.url, "S3_PUBLIC_ENDPOINT_URL": proxy.url}
        with Product(stack, settings="sartiq.settings.development", env=env) as product:
            pauses_passed = broker_pauses.run(product, pauses=options.pauses)
            chosen = Options(seed=seed, seconds=options.minutes * 60, uploads=options.uploads)
            result = run(product, proxy, chosen)
            print(*report.lines(result), sep="\n", flush=True)
            has_passed = pauses_passed and result.has_passed
            if options.logs is not None and not has_passed:
                shutil.copytree(product.logs, options.logs)
    return 0 if has_passed else FAILED


def _positive(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1440")
    return minutes


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number from 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
