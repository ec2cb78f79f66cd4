"""The workspace's own scripts, handed to a shell as text or as input: as good as run by name."""

from typing import TYPE_CHECKING, Final

from stopper.detect.commands.options import read_options
from stopper.detect.commands.stages import is_tested
from stopper.detect.effects import Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.redirects import Redirect
    from stopper.detect.commands.shell import Shell

__all__ = ["SHELLS", "SSH_VALUES", "is_shown", "named"]

SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash"})
_TAKERS: Final = SHELLS | {"eval", "ssh"}
_SCRIPT: Final = lazy(r"(?:\./)?(?:[\w.-]{1,100}/){0,9}[\w.-]{1,100}\.(?:ba|z|k)?sh")
_SHOWN: Final = lazy(r'"\$\((?:\s{0,9}cat\s{1,9}|\s{0,9}<\s{0,9})([\w./-]{1,400})\s{0,9}\)"')
_READS: Final = lazy(
    r"(?:ba|z|da|k)?sh(?:\s{1,9}-[seux]{1,4})?(?:\s{1,9}--(?:\s{1,9}[\w.-]{1,60}){0,9})?"
)
SSH_VALUES: Final = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWwB")
_CAT: Final = lazy(r"cat\s{1,9}([\w./-]{1,400})")
_CODED: Final = 3
"""How many words `bash -c TEXT` has."""


def named(
    shell: "Shell", words: list[str], found: "list[Redirect]"
) -> "tuple[list[str], list[Redirect]]":
    """The words and redirects of a command with the script's name in place of what it holds.

    `bash -c "$(cat x.sh)"` and `bash < x.sh` become `bash x.sh`, and `eval "$(cat x.sh)"` becomes
    `. x.sh`; of `ssh HOST bash -s < x.sh`, where the host is for tests, only the connection stays.
    """
    name = words[0] if words else ""
    if name not in _TAKERS:
        return words, found
    shown = _SHOWN.fullmatch(words[-1])
    if name == "eval" and shown is not None and len(words) == _CODED - 1:
        return ([".", shown[1]], found) if _is_own(shell, shown[1]) else (words, found)
    if name in SHELLS and words[1:2] == ["-c"] and len(words) >= _CODED:
        shown = _SHOWN.fullmatch(words[2])
        if shown is not None and _is_own(shell, shown[1]):
            return [name, shown[1], *words[_CODED + 1 :]], found
        return words, found
    fed = [one for one in found if one.operator == "<" and one.descriptor in {"", "0"}]
    if len(fed) != 1 or not _is_own(shell, fed[0].target):
        return words, found
    rest = [one for one in found if one is not fed[0]]
    if name in SHELLS and _READS.fullmatch(" ".join(words)):
        behind = words[words.index("--") + 1 :] if "--" in words else []
        return [name, fed[0].target, *behind], rest
    if name == "ssh":
        operands = read_options(words[1:], SSH_VALUES, until_operand=True).operands
        code = " ".join(word.strip("'\"") for word in operands[1:])
        if _READS.fullmatch(code) and is_tested(operands[0]):
            return words[: len(words) - len(operands) + 1], rest
    return words, found


def is_shown(shell: "Shell", first: str, second: str) -> bool:
    """Whether `first | second` is `cat x.sh | bash`, and the script the workspace's own."""
    shown = _CAT.fullmatch(first)
    return shown is not None and bool(_READS.fullmatch(second)) and _is_own(shell, shown[1])


def _is_own(shell: "Shell", path: str) -> bool:
    """Whether a path is a script of the workspace that this text neither wrote nor fetched."""
    if _SCRIPT.fullmatch(path) is None or ".." in path:
        return False
    full = shell.places.resolve(path, shell.cwd)
    return (
        shell.places.scope(path, shell.cwd) is Scope.WORKSPACE
        and full not in shell.files
        and not shell.is_foreign(full)
        and not shell.is_strange(full)
    )
