"""One change to a file: what was asked for, what was decided, and the making of it."""

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypedDict

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.patch.backups import BACKUP_DIR, Backups
from stopper.patch.explosion import max_increase
from stopper.patch.gate import decide
from stopper.patch.result import WriteResult
from stopper.patch.target import Target, read_target, remove, replace
from stopper.patch.text import decoded, lines_of

__all__ = [
    "Change",
    "File",
    "Make",
    "Options",
    "Terms",
    "change_file",
    "decided",
    "made",
    "planned",
]

MAX_DIFF_LINES: Final = 20_000
_VARIABLE: Final = "STOPPER_BACKUP_DIR"

File = str | os.PathLike[str]


class Options(TypedDict, total=False):
    """How a change is made; all may be left out.

    With `dry_run` nothing is changed and the result has the diff. `max_increase` is how many times
    as large a file may become; ten times, or what STOPPER_MAX_SIZE_INCREASE says.
    """

    dry_run: bool
    max_increase: float | None


class Terms(Struct, frozen=True):
    """The options with everything filled in."""

    backups: Backups
    dry_run: bool
    most: float

    @classmethod
    def of(
        cls,
        backup_dir: File | None,
        options: Options | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> "Terms":
        """What was asked for, over what the environment says, over the defaults."""
        folder = backup_dir or environ.get(_VARIABLE) or BACKUP_DIR
        options = options or {}
        most = options.get("max_increase")
        return cls(
            Backups(Path(os.path.realpath(folder))),
            options.get("dry_run", False),
            max_increase(environ) if most is None else most,
        )


class Change(Struct, frozen=True):
    """A change that was decided on. Without `content` the file goes away."""

    target: Target
    content: bytes | None
    result: WriteResult


Make = Callable[[Target], bytes | Refusal]
"""Makes the new content from what the file holds, or says why there is none."""


def change_file(filepath: File, make: Make, terms: Terms) -> WriteResult:
    """One file, from reading to writing, with nobody else in between."""
    with terms.backups.locked():
        target = read_target(filepath)
        change = decided(target, make, terms)
        if change.result.refusal or terms.dry_run:
            return change.result
        return made(change, terms)


def decided(target: Target, make: Make, terms: Terms) -> Change:
    """What the target is to become, and whether it may."""
    try:
        content = make(target)
    except UnicodeEncodeError:
        content = refuse("patch.not_text", "The new content")
    if isinstance(content, Refusal):
        return Change(target, b"", WriteResult(path=target.path, refusal=content))
    decision = decide(target.path.name, target.content, content, terms.most)
    if decision.refusal:
        result = WriteResult(path=target.path, refusal=decision.refusal, warnings=decision.warnings)
        return Change(target, content, result)
    return Change(target, content, planned(target, content, terms, decision.warnings))


def planned(
    target: Target, content: bytes | None, terms: Terms, warnings: tuple[str, ...] = ()
) -> WriteResult:
    """What the change will have been."""
    return WriteResult(
        path=target.path,
        changed=content != target.content,
        diff=_diff(target, content) if terms.dry_run else "",
        warnings=(*warnings, *(target.warnings if content is not None else ())),
    )


def made(change: Change, terms: Terms) -> WriteResult:
    """Back up, then change; the caller holds the lock."""
    target, result = change.target, change.result
    if not result.changed:
        return result
    backup = None if target.content is None else terms.backups.add(target).file
    if change.content is None:
        remove(target)
    else:
        replace(target, change.content)
    return WriteResult(path=result.path, changed=True, backup=backup, warnings=result.warnings)


def _diff(target: Target, content: bytes | None) -> str:
    """A unified diff of what would change."""
    before, after = decoded(target.content), decoded(content)
    name = target.path.name
    if before is None or after is None:
        return f"Binary files a/{name} and b/{name} differ\n" if content != target.content else ""
    old, new = lines_of(before), lines_of(after)
    if len(old) + len(new) > MAX_DIFF_LINES:
        return f"# {name}: {len(old)} lines become {len(new)}, too many to show\n"
    names = (
        ("/dev/null" if target.content is None else f"a/{name}"),
        ("/dev/null" if content is None else f"b/{name}"),
    )
    lines = difflib.unified_diff(old, new, *names)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
