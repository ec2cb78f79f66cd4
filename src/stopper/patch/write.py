"""Files written, edited and restored, each through the same gate."""

import os
from pathlib import Path
from typing import Unpack

from stopper.core.reason import Refusal, refuse
from stopper.errors import PatchError
from stopper.patch.backups import MAX_BACKUPS, OBJECTS
from stopper.patch.change import Change, File, Options, Terms, change_file, made, planned
from stopper.patch.result import Backup, WriteResult
from stopper.patch.target import Target, read_target, told
from stopper.patch.text import as_before, decoded, lines_of, uses_crlf

__all__ = [
    "list_backups",
    "prune_backups",
    "restore_from_backup",
    "safe_edit_lines",
    "safe_write_file",
]


def safe_write_file(
    filepath: File, content: str | bytes, backup_dir: File | None = None, **options: Unpack[Options]
) -> WriteResult:
    """Give a file a new content, or make it; the folder has to be there.

    A text gets the line ends that the file has; bytes are taken as they are. The result is false
    where the content was refused. PatchError says what kept a good one from being written.
    """

    def make(target: Target) -> bytes:
        return content if isinstance(content, bytes) else as_before(target.content, content)

    return change_file(filepath, make, Terms.of(backup_dir, options))


def safe_edit_lines(
    filepath: File,
    start: int,
    end: int,
    content: str,
    backup_dir: File | None = None,
    **options: Unpack[Options],
) -> WriteResult:
    """Replace the lines `start` to `end`, counted from 1, both included.

    With `end` one less than `start`, `content` goes in before `start`; one more than the last line
    appends. An empty content takes the lines away.
    """

    def make(target: Target) -> bytes | Refusal:
        text = decoded(target.content)
        if text is None or target.content is None:
            return refuse("patch.not_text", target.path.name)
        lines = lines_of(text)
        if not 1 <= start <= len(lines) + 1 or not start - 1 <= end <= len(lines):
            has = f"{start} to {end} of {len(lines)}"
            return refuse("patch.bad_range", has)
        crlf = uses_crlf(target.content)
        new = lines_of(content.replace("\r\n", "\n").replace("\n", "\r\n") if crlf else content)
        return joined([*lines[: start - 1], *new, *lines[end:]], crlf=crlf).encode()

    return change_file(filepath, make, Terms.of(backup_dir, options))


def restore_from_backup(
    filepath: File, backup_path: File, backup_dir: File | None = None, **options: Unpack[Options]
) -> WriteResult:
    """Give a file the content of a backup, whatever it holds now; that is backed up first.

    A file that is gone comes back with the mode that it had.
    """
    backup = Path(os.path.realpath(backup_path))
    if backup_dir is None and backup.parent.parent.name == OBJECTS:
        backup_dir = backup.parent.parent.parent
    terms = Terms.of(backup_dir, options)
    content = terms.backups.content(backup)
    with terms.backups.locked():
        target = read_target(filepath)
        change = Change(target, content, planned(target, content, terms))
        if terms.dry_run:
            return change.result
        done = made(change, terms)
        modes = [one.mode for one in terms.backups.of(target.path) if one.file == backup]
        if target.status is None and modes:
            with told(target.path, "cannot be given its mode"):
                target.path.chmod(modes[0])
        return done


def list_backups(filepath: File, backup_dir: File | None = None) -> tuple[Backup, ...]:
    """What a file held before each change, the newest first."""
    return Terms.of(backup_dir).backups.of(Path(os.path.realpath(filepath)))


def prune_backups(backup_dir: File | None = None, keep: int = MAX_BACKUPS) -> int:
    """Keep the newest `keep` backups of each file; how many contents were removed."""
    if keep < 0:
        raise PatchError("backups to keep: 0 or more")
    return Terms.of(backup_dir).backups.prune(keep)


def joined(lines: list[str], *, crlf: bool) -> str:
    """Lines in a row; only the last may have no end."""
    end = "\r\n" if crlf else "\n"
    ended = [line if line.endswith("\n") else line + end for line in lines[:-1]]
    return "".join([*ended, *lines[-1:]])
