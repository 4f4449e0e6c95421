"""Start ministack with its gaps closed: `python -m distributary_local.gaps DIRECTORY [--without NAME]…`.

Everything else is asked of ministack itself, by its environment variables.
"""

import argparse
import os
import sys


def main() -> None:
    """Close the gaps, then run ministack until it is told to stop."""
    parser = argparse.ArgumentParser(prog="distributary_local.gaps", description=__doc__)
    parser.add_argument("directory", nargs="?", help="names this emulator in the list of processes")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave this gap open")
    parser.add_argument("--list", action="store_true", help="print the names of the gaps and stop")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)  # it has served: no function may inherit it

    from distributary_local import gaps

    if arguments.list:
        sys.stdout.write("".join(f"{name}\n" for name in gaps.registry()))
        return
    gaps.apply(arguments.without)

    from ministack.app import main as run

    sys.argv[1:] = []
    run()


main()
