"""The command line, the first door to Stopper; each command's module is loaded when it is used."""

import sys

__all__ = ["main"]

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C ended, as shells report it."""


def main() -> None:
    """Run `stopper` with this process's arguments, and exit with its status."""
    try:
        from stopper.cli.app import stopper  # noqa: PLC0415  so that Ctrl-C is heard while it loads

        for stream in (sys.stdout, sys.stderr):
            _never_fail_on_a_character(stream)
        stopper.main(prog_name="stopper")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _never_fail_on_a_character(stream: object) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
