"""`stopper patch`: change a file through the gate, or take it back."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from stopper.cli.colour import Style, has_colour, paint
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, say, warn
from stopper.errors import UsageError

if TYPE_CHECKING:
    from stopper.patch import PatchResult, WriteResult

__all__ = ["patch"]

_RANGE: Final = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")
_STYLES: Final = {
    "+++": Style.BOLD,
    "---": Style.BOLD,
    "+": Style.GREEN,
    "-": Style.RED,
    "@@": Style.DIM,
}


@click.command(
    epilog=examples(
        "git diff | stopper patch .",
        "stopper patch src/config.py --dry-run < change.diff",
        "stopper patch src/config.py --whole < new.py",
        "stopper patch src/config.py --lines 10:12 < part.py",
        "stopper patch src/config.py --backups",
        "stopper patch src/config.py --restore 3f9a",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--whole", is_flag=True, help="Stdin is the file's whole new content.")
@click.option("--lines", metavar="FROM:TO", help="Stdin takes the place of these lines.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--backups", is_flag=True, help="List what the file was before each change.")
@click.option(
    "--restore", metavar="BACKUP", help="Put a backup back, by the start of its name or its path."
)
@json_option
def patch(
    *,
    file: Path,
    whole: bool,
    lines: str | None,
    dry_run: bool,
    backups: bool,
    restore: str | None,
    as_json: bool,
) -> None:
    """Change FILE as stdin says: by a unified diff, or else as the options have it.

    FILE may be a folder, for a diff of files below it. A change that breaks syntax, grows out of
    proportion or makes a script dangerous is refused, and the exit status is 1. What was there
    before is kept in .stopper/backups, and the file is replaced all at once.
    """
    if sum((whole, lines is not None, backups, restore is not None)) > 1:
        raise UsageError("--whole, --lines, --backups and --restore: choose one")
    if backups:
        _list(file, as_json=as_json)
        return
    result = _changed(file, whole=whole, lines=lines, restore=restore, dry_run=dry_run)
    if as_json:
        print_json(_plain(result))
    else:
        _show(result, dry_run=dry_run)
    sys.exit(0 if result else 1)


def _changed(
    file: Path, *, whole: bool, lines: str | None, restore: str | None, dry_run: bool
) -> "WriteResult | PatchResult":
    from stopper import patch as module  # noqa: PLC0415  grammars take a while to load
    from stopper.patch.target import MAX_FILE_BYTES  # noqa: PLC0415

    if restore is not None:
        return module.restore_from_backup(file, _backup(file, restore), dry_run=dry_run)
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"stdin has more than {MAX_FILE_BYTES:,} bytes: change less at once")
    if whole:
        return module.safe_write_file(file, data, dry_run=dry_run)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError("stdin is no UTF-8 text; bytes can be written with --whole") from None
    if lines is not None:
        return module.safe_edit_lines(file, *_range(lines), text, dry_run=dry_run)
    return module.apply_patch(text, file, dry_run=dry_run)


def _range(text: str) -> tuple[int, int]:
    read = _RANGE.fullmatch(text)
    if read is None:
        raise UsageError(f"--lines {text}: write FROM:TO, as in 10:12, or one number")
    return int(read[1]), int(read[2] or read[1])


def _backup(file: Path, name: str) -> Path:
    """The backup that the start of a name means, or else a path."""
    from stopper.patch import list_backups  # noqa: PLC0415

    kept = {one.sha256: one.file for one in list_backups(file)}
    found = [path for digest, path in kept.items() if name and digest.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{len(found)} backups of {file} begin with {name!r}: write more of it.")
    if Path(name).is_file():
        return Path(name)
    raise UsageError(
        f"There is no backup {name!r} of {file}: see `stopper patch {file} --backups`."
    )


def _list(file: Path, *, as_json: bool) -> None:
    from stopper.cli.table import Column, print_table  # noqa: PLC0415
    from stopper.cli.times import minute_cell  # noqa: PLC0415
    from stopper.patch import list_backups  # noqa: PLC0415

    kept = list_backups(file)
    if as_json:
        print_json(_plain(kept))
    elif kept:
        columns = (Column("backup"), Column("taken"), Column("bytes", right=True))
        print_table(
            columns, [(one.sha256[:12], minute_cell(one.at), str(one.size)) for one in kept]
        )
    else:
        hint(f"No backups of {file}.")


def _show(result: "WriteResult | PatchResult", *, dry_run: bool) -> None:
    from stopper.patch import PatchResult  # noqa: PLC0415

    files = result.files if isinstance(result, PatchResult) else (result,)
    if dry_run:
        _show_diff(result.diff)
    for file in files:
        for warning in file.warnings:
            warn(f"{file.path}: {warning}")
    if result.refusal:
        warn(result.refusal.sentence)
        return
    for file in files:
        if not file.changed:
            hint(f"{file.path} already is as it should be.")
        elif not dry_run:
            kept = (
                f", and was {file.backup.parent.name}{file.backup.name[:10]}" if file.backup else ""
            )
            say(f"{file.path} changed{kept}")


def _show_diff(diff: str) -> None:
    """The diff with its signs in colour; what could steer a terminal is shown as an escape."""
    from stopper.cli.table import plain  # noqa: PLC0415

    colour = has_colour(sys.stdout)
    for line in diff.splitlines():
        style = next((style for sign, style in _STYLES.items() if line.startswith(sign)), None)
        print(paint("\t".join(map(plain, line.split("\t"))), style, colour=colour))


def _plain(value: object) -> object:
    """What JSON can say; paths are texts."""
    return msgspec.to_builtins(value, enc_hook=str)
