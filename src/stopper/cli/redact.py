"""`stopper redact`: stdin without its secrets."""

import os
import select
import sys
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import click

from stopper.cli.options import examples

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["redact"]

READ_BYTES: Final = 256 * 1024


@click.command(
    epilog=examples(
        "stopper redact < build.log > shared.log",
        "kubectl logs -f pod | stopper redact",
        "stopper redact --tag < events.jsonl",
    )
)
@click.option("--tag", is_flag=True, help="Give equal secrets equal marks, that nobody can guess.")
def redact(*, tag: bool) -> None:
    """Copy stdin to stdout, with a mark such as [REDACTED:GITHUB_TOKEN] for each secret.

    Any length will do: memory is bounded, and lines go on as soon as nothing to come can make
    them part of a secret. JSON stays JSON, as a whole up to a megabyte and line by line beyond.
    Secrets in encodings are replaced as they stand.
    """
    from stopper.control.engines import open_detector  # noqa: PLC0415  rules take a while to load
    from stopper.control.home import find_home  # noqa: PLC0415
    from stopper.control.key import installation_key  # noqa: PLC0415
    from stopper.control.redact import StreamRedactor  # noqa: PLC0415
    from stopper.detect.budget import PATIENT  # noqa: PLC0415
    from stopper.detect.redact import Redactor  # noqa: PLC0415

    folder = find_home(os.environ)
    key = installation_key(folder) if tag else None
    stream = StreamRedactor(Redactor(detector=open_detector(folder), key=key, budget=PATIENT))
    source, target = cast("BufferedReader", sys.stdin.buffer), sys.stdout.buffer
    while data := source.read1(READ_BYTES):
        target.write(stream.feed(data, idle=_is_idle(source)))
        target.flush()
    target.write(stream.finish())
    target.flush()


def _is_idle(source: BinaryIO) -> bool:
    """Whether nothing more is there for now; at the end there is: the end."""
    try:
        return not select.select([source.fileno()], [], [], 0)[0]
    except (OSError, ValueError):
        return False
