"""The command line: `elinvar ...` or `python -m elinvar ...`."""

import sys

from . import _core


def main():
    """Runs the command that stands in `sys.argv` and returns its exit code."""
    return _core.command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
