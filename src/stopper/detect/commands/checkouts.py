"""What other systems than git check out: what is run of it, nobody here has seen."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.commands.tables import is_strange

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_VERBS = frozenset({"clone", "checkout", "co", "export", "branch", "get"})
_VALUES = frozenset({"-r", "--rev", "-b", "--username", "--password", "-o"})
_PLACE = re.compile(r"\w[\w+.-]*://\S+|[\w.-]+@[\w.-]+:\S+")


def _checkout(shell: "Shell", call: "Call") -> str:
    """`svn co URL FOLDER`, `hg clone URL FOLDER` and their kin."""
    operands = read_options(call.args, _VALUES).operands
    if operands and operands[0] in _VERBS:
        for place, url in enumerate(operands[1:3], 1):
            if _PLACE.fullmatch(url):
                name = "".join(operands[place + 1 : place + 2])
                folder = name or re.split(r"[/:]", url.rstrip("/"))[-1]
                full = shell.places.resolve(folder, shell.cwd)
                shell.note_clone(full, strange=is_strange(url))
                break
    return generic(shell, call)


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(("svn", "hg", "fossil", "bzr", "brz", "darcs"), _checkout)
}
