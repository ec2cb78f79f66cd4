"""What Terraform is told besides its own words: arguments in variables, and a plan to destroy."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["PROGRAMS", "told"]

PROGRAMS: Final = frozenset({"terraform", "tofu"})
_DESTROYS: Final = frozenset({"-destroy", "--destroy", "-destroy=true"})
_PLANNED: Final = "terraform:destroy"
"""The key under which a shell keeps that its text planned to destroy."""


def told(shell: "Shell", call: "Call") -> list[str]:
    """The arguments of a call with those of variables, and with what its plan says."""
    words = [arg for arg in call.args if arg[:1] != "-"]
    verb = "".join(words[:1])
    given = [shell.given.get(name, "") for name in ("TF_CLI_ARGS", f"TF_CLI_ARGS_{verb}")]
    args = [*call.args, *(word for text in given for word in text.split())]
    if verb == "plan" and not _DESTROYS.isdisjoint(args):
        shell.files[_PLANNED] = ""
    elif verb == "apply" and words[1:] and _PLANNED in shell.files:
        args.append("-destroy")
    return args
