"""Unified diffs applied to files: to all of them, or to none."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Unpack

from stopper.core.reason import Refusal, refuse
from stopper.errors import PatchError
from stopper.patch.change import Change, File, Options, Terms, decided, made, planned
from stopper.patch.result import PatchResult, WriteResult
from stopper.patch.target import Target, read_target, remove, replace, told
from stopper.patch.text import decoded, lines_of, uses_crlf
from stopper.patch.unified import DiffError, FileDiff, MisfitError, apply_hunks, read_diff

__all__ = ["apply_patch"]

MAX_FILES: Final = 1000


def apply_patch(
    unified_diff: str,
    folder: File = ".",
    backup_dir: File | None = None,
    **options: Unpack[Options],
) -> PatchResult:
    """Apply a diff to the files below `folder`: to all of them, or, where one is refused, to none.

    A diff of one file may be given that file for a folder; the names in it do not matter then.
    Where a fault comes between, what was changed is put back.
    """
    terms = Terms.of(backup_dir, options)
    try:
        diffs = read_diff(unified_diff)
    except DiffError as fault:
        return PatchResult(refusal=refuse("patch.bad_diff", str(fault)))
    if len(diffs) > MAX_FILES or len({diff.name for diff in diffs}) < len(diffs):
        why = f"a file stands in it twice, or more than {MAX_FILES} do"
        return PatchResult(refusal=refuse("patch.bad_diff", why))
    root = Path(os.path.realpath(folder))
    if not root.is_dir() and len(diffs) > 1:
        why = f"it changes {len(diffs)} files, and {root.name} is one: name the folder"
        return PatchResult(refusal=refuse("patch.bad_diff", why))
    with terms.backups.locked():
        changes = [_planned(root, diff, terms) for diff in diffs]
        refusal = next((one.result.refusal for one in changes if one.result.refusal), None)
        if refusal is not None or terms.dry_run:
            results = tuple(change.result for change in changes)
            return PatchResult(files=results, refusal=refusal)
        return PatchResult(files=_all(changes, terms))


def _planned(root: Path, diff: FileDiff, terms: Terms) -> Change:
    """What a diff makes of one file; nothing is changed yet."""
    place = Path(os.path.realpath(root / diff.name)) if root.is_dir() else root
    if not place.is_relative_to(root) or place.is_dir():
        outside = WriteResult(path=place, refusal=refuse("patch.outside", diff.name))
        return Change(Target(place), b"", outside)
    target = Target(place) if diff.old is None and not place.exists() else read_target(place)

    def make(target: Target) -> bytes | Refusal:
        return _patched(target, diff)

    if diff.new is not None:
        return decided(target, make, terms)
    left = _patched(target, diff)
    if left and not isinstance(left, Refusal):
        left = refuse("patch.does_not_apply", f"{diff.name} has more lines than are removed")
    if isinstance(left, Refusal):
        return Change(target, None, WriteResult(path=target.path, refusal=left))
    return Change(target, None, planned(target, None, terms))


def _patched(target: Target, diff: FileDiff) -> bytes | Refusal:
    """The target's bytes with the hunks applied."""
    if (target.content is None) is not (diff.old is None):
        there = "is there already" if diff.old is None else "is not there"
        return refuse("patch.does_not_apply", f"{diff.name} {there}")
    text = decoded(target.content)
    if text is None:
        return refuse("patch.not_text", diff.name)
    try:
        lines = apply_hunks(lines_of(text), diff.hunks, crlf=uses_crlf(target.content or b""))
    except MisfitError as fault:
        return refuse("patch.does_not_apply", f"{diff.name}: {fault}")
    return "".join(lines).encode()


def _all(changes: list[Change], terms: Terms) -> tuple[WriteResult, ...]:
    """Make every change, or put back those that were made."""
    done: list[tuple[Change, WriteResult]] = []
    try:
        for change in changes:
            if change.target.status is None:
                with told(change.target.path, "cannot be made"):
                    change.target.path.parent.mkdir(parents=True, exist_ok=True)
            done.append((change, made(change, terms)))
    except BaseException:
        for change, result in reversed(done):
            with suppress(PatchError):  # the first fault is the one to tell
                _undo(change, result)
        raise
    return tuple(result for _, result in done)


def _undo(change: Change, result: WriteResult) -> None:
    now = read_target(change.target.path)
    if not result.changed:
        return
    if change.target.content is None:
        remove(now)
    else:
        replace(now, change.target.content)
        if now.status is None and change.target.status is not None:
            change.target.path.chmod(change.target.status.st_mode & 0o7777)
