"""Lists of files: what they are of, and which names with credentials a pattern picks from them."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.paths import is_secret_path
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.options import Options

__all__ = ["listed", "picked"]

_MAX_PATTERN: Final = 200
_ALL: Final = lazy(r"(?:\./|/|~/)?(?:[\w.-]{1,80}/){0,9}(?:\*|x)\n|/\n")
"""A list of all files of a folder, as far as their names are not known."""
_OR: Final = lazy(r"\\?\|")
_SIGNS: Final = lazy(r"[\\^$()'\"\[\]+?]|\.\*")
_ENVIRONMENT: Final = lazy(r"\.?env\Z", re.IGNORECASE)


def listed(options: "Options") -> str:
    """What `rg --files` prints of folders, or of the kinds of files that it is asked for."""
    globs = [glob for glob in options.all_values("-g", "--glob") if glob[:1] != "!"]
    kinds = [f"*.{kind}" for kind in options.all_values("-t", "--type")]
    starts = [start.rstrip("/") for start in options.operands or ["."]]
    return "".join(f"{start}/x/{name}\n" for start in starts for name in globs or kinds or ["x"])


def picked(pattern: str, lists: str) -> str:
    """The files with credentials that a filter keeps of a list of all files, each on a line."""
    if len(pattern) > _MAX_PATTERN or not _ALL.match(lists):
        return ""
    names = [_ENVIRONMENT.sub(".env", _SIGNS.sub("", name)) for name in _OR.split(pattern)]
    names += [f".{name}" for name in names if name[:1].isalpha()]
    paths = [f"./.ssh/{name}" if name.startswith("id_") else f"./x/{name}" for name in names]
    return "".join(f"{path}\n" for path in paths if is_secret_path(path[1:]))
