"""`stopper scan`: secrets in files, told by their place and kind."""

import os
import re
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, warn
from stopper.cli.severity import severity_cell, sure_by
from stopper.cli.table import Column, Value, columns_of, print_table
from stopper.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stopper.control.scan import Found, Scan
    from stopper.detect.redact import Redactor

__all__ = ["scan"]

STDIN: Final = "-"
SECONDS_BEFORE_BAR: Final = 1.0

_COLUMNS: Final = (
    Column("place", name=True),
    Column("secret", wrap=True),
    Column("severity"),
    Column("sure by"),
    Column("fingerprint", name=True),
)
_SIZE: Final = re.compile(r"([1-9][0-9]{0,11})([kMG]?)B?")
_UNITS: Final = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_STEPS: Final = 200
_MAX_UNSEEN: Final = 20


def _size(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    read = _SIZE.fullmatch(value)
    if read is None:
        raise click.BadParameter(f"{value!r} is no size: write it as 500k, 10M or 1G")
    return int(read[1]) * _UNITS[read[2]]


@click.command(
    epilog=examples(
        "stopper scan .",
        "stopper scan src tests/data --json",
        "git diff --cached | stopper scan -",
        "stopper scan . --sarif > findings.sarif",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH|-...")
@json_option
@click.option("--sarif", is_flag=True, help="Print SARIF 2.1.0, for code hosts and editors.")
@click.option("--no-ignore", is_flag=True, help="Look at what .gitignore leaves out, and at .git.")
@click.option(
    "--inline-allow",
    is_flag=True,
    help="Let stand what a comment on its line allows: stopper:allow or gitleaks:allow.",
)
@click.option(
    "--max-size",
    callback=_size,
    default="10M",
    show_default=True,
    metavar="SIZE",
    help="Look at no larger files.",
)
def scan(
    *,
    paths: tuple[str, ...],
    as_json: bool,
    sarif: bool,
    no_ignore: bool,
    inline_allow: bool,
    max_size: int,
) -> None:
    """Look for secrets in files, in all files below folders, or in stdin (`-`).

    Encodings are undone. Nothing that is printed holds a secret; equal fingerprints are equal
    secrets. What .gitignore names and what is too large is left out, links are not followed, and
    of binary files only the bytes as they are count. Findings that `allow_secrets` in the settings
    names may stay.

    The exit status is 1 where something was found or could not be looked at, and 0 where not.
    """
    if as_json and sarif:
        raise UsageError("--json and --sarif: choose one")
    if STDIN in paths and len(paths) > 1:
        raise UsageError("`-` stands alone: scan files in another go")
    from stopper.control import scan as use_case  # noqa: PLC0415  rules take a while to load
    from stopper.control.engines import open_detector  # noqa: PLC0415
    from stopper.control.home import find_home  # noqa: PLC0415
    from stopper.control.key import installation_key  # noqa: PLC0415
    from stopper.detect.budget import PATIENT  # noqa: PLC0415
    from stopper.detect.inspection import Inspector  # noqa: PLC0415
    from stopper.detect.redact import Redactor  # noqa: PLC0415
    from stopper.settings import load_settings  # noqa: PLC0415

    folder = find_home(os.environ)
    key = installation_key(folder)
    detector = open_detector(folder)
    inspector = Inspector(detector, budget=PATIENT)
    allows = use_case.allowed_everywhere(
        load_settings(os.environ, {}, folder), os.environ, key, datetime.now(UTC)
    )
    if STDIN in paths:
        data = sys.stdin.buffer.read(max_size + 1)
        if len(data) > max_size:
            raise UsageError(f"stdin has more than {max_size:,} bytes: see --max-size")
        seen = use_case.scan_bytes(
            data, "stdin", inspector, inline_allow=inline_allow, allows=allows
        )
    else:
        with _progress() as tell:
            seen = use_case.scan(
                paths,
                inspector,
                max_bytes=max_size,
                use_ignores=not no_ignore,
                inline_allow=inline_allow,
                allows=allows,
                tell=tell,
            )
    redactor = Redactor(detector=detector)
    if sarif:
        from stopper.cli.sarif import sarif_of  # noqa: PLC0415

        print_json(sarif_of(seen, detector.rules, redactor.redact))
    elif as_json:
        print_json(_json(seen, redactor))
    else:
        _show(seen, redactor)
    if not seen.is_clean:
        raise click.exceptions.Exit(1)


def _show(seen: "Scan", redactor: "Redactor") -> None:
    if seen.found:
        print_table(_COLUMNS, [_row(one, redactor) for one in seen.found])
    for unseen in seen.unseen[:_MAX_UNSEEN]:
        warn(f"{_named(unseen.path, redactor)}: {unseen.why}")
    if len(seen.unseen) > _MAX_UNSEEN:
        warn(f"and {len(seen.unseen) - _MAX_UNSEEN:,} more that were not seen, or not in full")
    if seen.more:
        warn(f"There is more: after {len(seen.found):,} findings nothing else was looked at.")
    hint(_summary(seen))


def _row(one: "Found", redactor: "Redactor") -> tuple[Value, ...]:
    finding = one.finding
    inside = f", in {' in '.join(reversed(finding.decoded))}" if finding.decoded else ""
    return (
        f"{_named(one.path, redactor)}:{one.line}:{one.column}",
        f"{finding.name} ({finding.rule}){inside}",
        severity_cell(finding.severity.value),
        sure_by(finding.tier.value),
        finding.fingerprint,
    )


def _summary(seen: "Scan") -> str:
    count = len(seen.found)
    what = "No secrets" if not count else "1 secret" if count == 1 else f"{count:,} secrets"
    files = "1 file" if seen.files == 1 else f"{seen.files:,} files"
    parts = [f"{what} in {files} ({seen.size / 1e6:,.1f} MB)"]
    if seen.allowed:
        parts.append(f"{seen.allowed:,} allowed")
    if seen.ignored:
        parts.append(f"{seen.ignored:,} files and folders left out by .gitignore")
    return f"{'; '.join(parts)}."


def _json(seen: "Scan", redactor: "Redactor") -> dict[str, Any]:
    return {
        "findings": [
            {
                "path": _named(one.path, redactor),
                "line": one.line,
                "column": one.column,
                "end_line": one.end_line,
                "end_column": one.end_column,
                "rule": one.finding.rule,
                "name": one.finding.name,
                "severity": one.finding.severity,
                "tier": one.finding.tier,
                "fingerprint": one.finding.fingerprint,
                "decoded": one.finding.decoded,
            }
            for one in seen.found
        ],
        "unseen": [
            {"path": _named(one.path, redactor), "why": one.why, "fault": one.fault}
            for one in seen.unseen
        ],
        "files": seen.files,
        "bytes": seen.size,
        "ignored": seen.ignored,
        "allowed": seen.allowed,
        "more": seen.more,
        "clean": seen.is_clean,
    }


def _named(path: str, redactor: "Redactor") -> str:
    """A path to print; bytes of it that are no UTF-8 are no text to readers of JSON either."""
    return os.fsencode(redactor.redact(path)).decode(errors="backslashreplace")


@contextmanager
def _progress() -> "Iterator[Callable[[int, int], None]]":
    """A bar on stderr where that is a terminal and the work takes longer than a moment."""
    began = time.monotonic()
    shown: list[Any] = []
    drawn = 0

    def tell(done: int, total: int) -> None:
        nonlocal drawn
        if not shown:
            if time.monotonic() - began < SECONDS_BEFORE_BAR:
                return
            bar = click.progressbar(
                length=total,
                file=sys.stderr,
                label="Looking",
                update_min_steps=max(1, total // _STEPS),
            )
            shown.append(bar)
            bar.__enter__()
        shown[0].update(done - drawn)
        drawn = done

    def quiet(_done: int, _total: int) -> None:
        pass

    is_terminal = columns_of(sys.stderr) is not None and os.environ.get("TERM") != "dumb"
    try:
        yield tell if is_terminal else quiet
    finally:
        if shown:
            shown[0].__exit__(None, None, None)
