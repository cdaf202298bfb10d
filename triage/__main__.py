"""`python -m triage` and the `triage` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from triage.cli import command  # noqa: PLC0415 - a worker must not import the command line

    sys.exit(command.invoke())


if __name__ == "__main__":
    main()
