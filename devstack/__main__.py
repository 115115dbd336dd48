"""`python -m devstack`: the command line of the make targets."""

import argparse
import os
import signal
import sys

from devstack import folders
from devstack.demo.steps import demo
from devstack.process.child import DevstackError, die_with_parent
from devstack.run import run
from devstack.serve import serve


def main() -> int:
    """Run one subcommand and return its exit code."""
    arguments = _parser().parse_args()
    if arguments.die_with_parent:
        die_with_parent(signal.SIGTERM)
    try:
        return _dispatch(arguments)
    except DevstackError as error:
        print(f"devstack: {error}", file=sys.stderr, flush=True)
        return 1


def _dispatch(arguments: argparse.Namespace) -> int:
    match arguments.subcommand:
        case "serve":
            return serve()
        case "demo":
            return demo(exits=arguments.exit)
        case "run":
            return run(arguments.command)
        case _:
            folders.remove_data(folders.data_root(os.environ))
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devstack", description=__doc__)
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the calling process ends"
    )
    subcommands = parser.add_subparsers(dest="subcommand", required=True)
    subcommands.add_parser("serve", help="run the product until a stop signal (PORT, STORAGE)")
    demo_parser = subcommands.add_parser("demo", help="run the product and a demo")
    demo_parser.add_argument("--exit", action="store_true", help="exit after the last step")
    run_parser = subcommands.add_parser("run", help="run a command with a temporary stack")
    run_parser.add_argument("command", nargs="+")
    subcommands.add_parser("clean-data", help="remove the data of the stack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
