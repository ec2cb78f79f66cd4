"""Decides whether a file may get a new content, from the two contents alone."""

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.redact import Redactor
from stopper.patch.explosion import grows, shrinks
from stopper.patch.unsafe import would_do, would_hide
from stopper.patch.validate import MAX_CHECKED_BYTES, check_syntax, is_shell_script

__all__ = ["Decision", "decide"]

_NAMED = 3


class Decision(Struct, frozen=True):
    """A refusal or none, and what should be said either way."""

    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()


def decide(name: str, old: bytes | None, new: bytes, most: float) -> Decision:
    """Look at size, then syntax, then at what a script would do. `old` is None for a new file."""
    if growth := grows(old, new, most):
        return Decision(refuse("patch.explosion", growth))
    syntax = _syntax(name, old, new)
    if syntax.refusal:
        return syntax
    script = _script(name, old, new)
    shrunk = shrinks(old, new)
    warnings = (*syntax.warnings, *script.warnings, *((shrunk,) if shrunk else ()))
    return Decision(script.refusal, warnings)


def _syntax(name: str, old: bytes | None, new: bytes) -> Decision:
    """What parsed must go on to; what never did may stay broken, so that it can be mended."""
    after = check_syntax(name, new)
    if not after.problem:
        return Decision(warnings=(after.warning,) if after.warning else ())
    before = None if old is None else check_syntax(name, old)
    was_valid = before is not None and before.language == after.language and not before.problem
    if was_valid or (before is None and after.is_sure):
        return Decision(refuse("patch.breaks_syntax", after.problem))
    return Decision(warnings=(f"does not parse: {after.problem}",))


def _script(name: str, old: bytes | None, new: bytes) -> Decision:
    """A script is not to gain what nobody could undo."""
    if not is_shell_script(name, new) or len(new) > MAX_CHECKED_BYTES:
        return Decision()
    text = new.decode("utf-8", "replace")
    before = "" if old is None else old.decode("utf-8", "replace")
    if new_ones := [one for one in would_do(text) if one not in would_do(before)]:
        detail = Redactor().redact("; ".join(new_ones[:_NAMED]))
        return Decision(refuse("patch.unsafe", detail))
    known = would_hide(before)
    return Decision(warnings=tuple(one for one in would_hide(text) if one not in known))
