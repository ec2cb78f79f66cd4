"""How a command is judged from the folder that it runs in, and what is said about danger."""

import os
import shlex
from typing import Final

from msgspec.structs import replace

from stopper.detect.commands import Judgement, is_dangerous, judge_command
from stopper.detect.redact import Redactor

__all__ = ["grave_parts", "judge_in", "redacted"]

_NO_WORKSPACE: Final = "/nonexistent"
_SYSTEM: Final = (
    *("/bin/", "/boot/", "/dev/", "/etc/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/proc/"),
    *("/run/", "/sbin/", "/sys/", "/usr/bin/", "/usr/lib/", "/usr/lib64/", "/usr/libexec/"),
    *("/usr/sbin/", "/usr/share/", "/usr/local/bin/", "/usr/local/lib/", "/usr/local/sbin/"),
    "/usr/local/share/",
)
_SHARED: Final = frozenset({
    *("/", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr", "/usr/local"),  # noqa: S108
    *("/var", "/var/lib", "/var/log", "/var/tmp"),  # noqa: S108  nobody's own folder
})  # fmt: skip


def judge_in(text: str, folder: str, home: str) -> Judgement:
    """The judgement of a text that runs in `folder`, which is the workspace where it can be one.

    The system's folders, and those that hold somebody's home, are nobody's to clear out.
    """
    real = os.path.realpath(folder)
    if _is_workspace(real, home):
        return judge_command(text, folder, home)
    way = f"cd {shlex.quote(real)}\n"
    judgement = judge_command(way + text, _NO_WORKSPACE, home)
    return _shifted(judgement, len(way))


def grave_parts(judgement: Judgement) -> list[str]:
    """What of it is dangerous by itself: reason codes, and what they are about."""
    parts = [
        *((f"{one.reason}: {one.target}", Judgement((one,))) for one in judgement.effects),
        *((f"{one.reason}: {one.part}", Judgement((), (one,))) for one in judgement.unprovable),
    ]
    return list(dict.fromkeys(said for said, alone in parts if is_dangerous(alone)))


def redacted(judgement: Judgement, redactor: Redactor) -> Judgement:
    """The same without secrets: a target may be a URL with a token in it."""
    if not judgement.effects and not judgement.unprovable:
        return judgement
    return Judgement(
        tuple(replace(one, target=redactor.redact(one.target)) for one in judgement.effects),
        tuple(replace(one, part=redactor.redact(one.part)) for one in judgement.unprovable),
    )


def _is_workspace(real: str, home: str) -> bool:
    if real in _SHARED or real == home or home.startswith(f"{real}/"):
        return False
    return not f"{real}/".startswith(_SYSTEM)


def _shifted(judgement: Judgement, by: int) -> Judgement:
    """The same, with spans into the text that was given."""

    def moved(span: tuple[int, int]) -> tuple[int, int]:
        return (max(0, span[0] - by), max(0, span[1] - by))

    return Judgement(
        tuple(replace(one, span=moved(one.span)) for one in judgement.effects),
        tuple(replace(one, span=moved(one.span)) for one in judgement.unprovable),
    )
