"""What Python code packs into archives, as `zip` would."""

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.taint import is_literal

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["note_packed"]

_MAX_PACKED: Final = 16
_OPENS: Final = frozenset({"tarfile.open", "tarfile.TarFile", "zipfile.ZipFile"})
_ADDS: Final = frozenset({"add", "write"})
_ENDINGS: Final = {"gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz"}


def note_packed(
    shell: "Shell",
    calls: Sequence[ast.Call],
    dotted: Callable[[ast.AST], str],
    fold: Callable[[ast.AST], str],
) -> None:
    """Note what is read for archives, and what these hold from then on."""
    archives: list[str] = []
    members: list[str] = []
    for call in calls:
        name = dotted(call.func)
        texts = [fold(arg) for arg in call.args]
        given = {word.arg: fold(word.value) for word in call.keywords}
        if name == "shutil.make_archive" and len(texts) > 1:
            folder = (texts[2:3] or [given.get("root_dir", ".")])[0]
            inside = (texts[3:4] or [given.get("base_dir", "")])[0]
            ending = _ENDINGS.get(texts[1], f".{texts[1]}")
            _pack(shell, f"{texts[0]}{ending}", f"{folder}/{inside}".rstrip("/"))
        elif name in _OPENS and texts and "r" not in (texts[1:2] or [given.get("mode", "r")])[0]:
            archives.append(texts[0])
        elif name.rpartition(".")[2] in _ADDS and texts:
            members.append(texts[0])
    for archive in archives[:1]:
        for member in members[:_MAX_PACKED]:
            _pack(shell, archive, member)


def _pack(shell: "Shell", archive: str, member: str) -> None:
    if is_literal(member) and "/" in member:
        shell.run_argv(["zip", archive, member])
