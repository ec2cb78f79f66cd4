"""`npm test` and its kin, with a `package.json` that the text itself wrote."""

import json
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.taint import is_literal

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["PROGRAMS", "note_script"]

PROGRAMS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
_RUNS: Final = frozenset({"run", "run-script"})
_NAMES: Final = {"t": "test", "tst": "test", "i": "install", "ci": "install", "add": "install"}
_MAX_TEXT: Final = 65_536


def note_script(shell: "Shell", call: "Call") -> None:
    """Run the script that a call names, with what runs before and behind it."""
    text = shell.files.get(shell.places.resolve("package.json", shell.cwd), "")
    words = [arg for arg in call.args if arg[:1] != "-"]
    if not text or not is_literal(text) or len(text) > _MAX_TEXT:
        return
    name = "".join(words[1:2]) if words[:1] and words[0] in _RUNS else "".join(words[:1])
    name = _NAMES.get(name, name)
    scripts = _scripts(text)
    for step in (f"pre{name}", name, f"post{name}"):
        if isinstance(scripts.get(step), str):
            shell.run_code(str(scripts[step]), f"{call.name} {step}")


def _scripts(text: str) -> dict[str, object]:
    """The scripts of a manifest; none where it is no JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    scripts = found.get("scripts") if isinstance(found, dict) else None
    return scripts if isinstance(scripts, dict) else {}
