"""A shell that runs nothing: it walks a parsed text, follows literal values, and notes effects."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import tree_sitter_bash
from msgspec.structs import replace
from tree_sitter import Language, Node, Parser

from stopper.detect.commands.call import Call, Spent
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.scope import Mount, Places
from stopper.detect.commands.simple import simple_words
from stopper.detect.commands.source import (
    MAX_COMMAND,
    HereDoc,
    Source,
    is_tangled,
    read_source,
)
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, blend, is_literal, show
from stopper.detect.commands.variables import Variables
from stopper.detect.commands.walk import doubt_syntax, run_loosely, run_words, walk
from stopper.detect.commands.words import Expander
from stopper.detect.effects import Effect, EffectKind, Scope, Span, Unprovable

__all__ = ["MAX_DEPTH", "MAX_FINDINGS", "MAX_NESTING", "MAX_OUTPUT", "MAX_STEPS", "Shell"]

MAX_DEPTH = 16
"""How many texts may stand inside each other: substitutions, `bash -c` and the like."""
MAX_NESTING = 60
"""How many compound commands may stand inside each other in one text."""
MAX_STEPS = 4000
"""How many simple commands are judged, each pass of a loop counted."""
MAX_PARSED = 131_072
"""How many characters are parsed in all, those of texts inside texts counted again."""
MAX_CALLS = 4
"""How many calls of functions may stand inside each other."""
MAX_FINDINGS = 200
MAX_CLONES = 32
"""How many cloned repositories are followed."""
MAX_ITEMS = 1024
"""How many arguments, files or items of a list are judged."""
MAX_OUTPUT = 262_144
"""The most characters of what a command prints, or a variable holds, that are followed."""
_CHARS_PER_STEP: Final = 1024
_MAX_TARGET: Final = 200

_PARSER: Final = Parser(Language(tree_sitter_bash.language()))


class Shell:
    """The state of one judgement. `run_text` returns what the text may print, marks included."""

    def __init__(self, places: Places, dispatch: Callable[["Shell", Call], str]) -> None:
        self.places = places
        self.dispatch = dispatch
        self.variables = Variables.usual(places.workspace, places.home)
        self.cwd: str | None = places.workspace
        self.files: dict[str, str] = {}
        self.cloned: set[str] = set()
        self.strange: set[str] = set()
        self.met_strange = False
        self.functions: dict[str, tuple[Node, Source]] = {}
        self.aliases: dict[str, str] = {}
        self.effects: dict[Effect, None] = {}
        self.unprovable: dict[Unprovable, None] = {}
        self.span: Span = (0, 0)
        self.depth = 0
        self.steps = 0
        self.parsed = 0
        self.given: dict[str, str] = {}
        self.holds_secret = False
        self.captured = 0
        self.elevated = False
        self.in_sandbox = False
        self.on_live = False
        self.forwards = False
        self.enciphered: set[str] = set()
        self.absent: frozenset[str] = frozenset()
        self._selves = 0
        self.unseen = False
        self.endless = False
        self._calls: list[str] = []
        self._nesting = 0
        self.source = Source("", "", {})
        self.expander = Expander(self)

    # what handlers say

    def add(
        self,
        kind: EffectKind,
        target: str,
        scope: Scope,
        reason: str,
        *,
        reversible: bool = False,
    ) -> None:
        """Note an effect of the command that runs now."""
        if len(self.effects) >= MAX_FINDINGS:
            self.unprovable[_TOO_MANY] = None
        else:
            target = show(target[:_MAX_TARGET])
            self.effects[Effect(kind, target, reversible, scope, reason, self.span)] = None

    def soften(self, before: int, kinds: frozenset[EffectKind]) -> None:
        """Call reversible what is of these kinds, of the effects from `before` on."""
        if not kinds:
            return
        found = list(self.effects)
        self.effects = dict.fromkeys(found[:before])
        for effect in found[before:]:
            own = effect.kind in kinds
            self.effects[replace(effect, reversible=True) if own else effect] = None

    def note_secret(self, target: str, scope: Scope, reason: str) -> None:
        """Note that a credential is read; while its text only flows on, nobody has seen it."""
        self.holds_secret = True
        kind = EffectKind.CREDENTIAL_READ
        self.add(kind, target, scope, reason, reversible=self.captured > 0)

    def show_environment(self) -> str:
        """What a list of all variables holds, where people live on it; else nothing."""
        if not self.on_live:
            return ""
        self.note_secret("the environment", Scope.REMOTE, "command.prints_credential")
        return SECRET

    def doubt(self, part: str, reason: str) -> None:
        """Note a part of the command that runs now whose effect cannot be told."""
        if len(self.unprovable) >= MAX_FINDINGS:
            self.unprovable[_TOO_MANY] = None
        else:
            self.unprovable[Unprovable(part[:80], reason, self.span)] = None

    def doubt_file(self, path: str) -> None:
        """Note a file that is run and that nobody here has read."""
        if is_literal(path):
            self.doubt(f"what is in {path}", "command.unseen_file")

    def run_code(self, code: str, what: str, stdin: str = "") -> str:
        """Run a text that something else hands to a shell; marks in it are code nobody can see."""
        if REMOTE in code:
            self.add(EffectKind.REMOTE_CODE, what, Scope.REMOTE, "command.runs_remote_code")
        elif not is_literal(code):
            self.run_doubtful(code, what)
            return UNKNOWN
        return self.run_text(code.replace(REMOTE, "_"), stdin)

    def run_doubtful(self, code: str, what: str) -> None:
        """Code with unknown parts: sound only where they stand as plain arguments."""
        bare = code.strip()
        if not bare or bare[0] in (UNKNOWN, SECRET, ENCODED):
            self.doubt(what, "command.unknown_code")
            return
        self.doubt(what, "command.unknown_text")
        for mark in (UNKNOWN, SECRET, ENCODED):
            code = code.replace(mark, _NAMES[mark])
        before, self.unseen = self.unseen, True
        try:
            self.run_text(code)
        finally:
            self.unseen = before

    def run_text(self, text: str, stdin: str = "") -> str:
        """Run a text of shell code in this very shell."""
        if self.depth >= MAX_DEPTH:
            self.doubt("a command nested too deep", "command.too_deep")
            return UNKNOWN
        simple = simple_words(text)
        if simple is None:
            return self._run_parsed(text, stdin)
        self._count(len(text))
        absent = self.absent
        self.depth += 1
        try:
            return self.cut(run_words(self, *simple, stdin))
        finally:
            self.depth -= 1
            self.absent = absent

    def _run_parsed(self, text: str, stdin: str) -> str:
        source = read_source(text) if len(text) <= MAX_OUTPUT else None
        size = (
            0 if source is None else len(text) - sum(len(h.body) for h in source.heredocs.values())
        )
        if source is None or size > MAX_COMMAND or is_tangled(source.shadow):
            self.doubt("a command too large to judge", "command.too_large")
            return UNKNOWN
        self._count(size)
        before, self.source = self.source, source
        absent = self.absent
        self.depth += 1
        try:
            root = _PARSER.parse(self.source.shadow.encode()).root_node
            if root.has_error:
                doubt_syntax(self, root)
                run_loosely(self, text)
            return self.run_all(root.named_children, stdin)
        finally:
            self.depth -= 1
            self.source, self.absent = before, absent

    def _count(self, size: int) -> None:
        """Spend some of the budget of characters; raises Spent where it is used up."""
        self.parsed += size
        if self.parsed > MAX_PARSED:
            self.doubt("more text than is judged", "command.budget")
            raise Spent

    def in_subshell(self, run: Callable[[], str]) -> str:
        """Run something whose variables, functions and folder do not outlive it."""
        kept = (self.variables, self.cwd, self.functions, self.aliases, self.absent)
        self.variables = self.variables.copy()
        self.functions = dict(self.functions)
        try:
            return run()
        finally:
            self.variables, self.cwd, self.functions, self.aliases, self.absent = kept

    def elsewhere(
        self, run: Callable[[], str], machine: str, mounts: Mapping[str, Mount] | None = None
    ) -> str:
        """Run something on another machine or in a container."""
        kept = self.places
        self.places = Places("", kept.home, remote=machine == "container", mounts=mounts)

        def inside() -> str:
            self.cwd = "/srv/app" if machine == "container" else "/home/remote"
            return run()

        try:
            return self.in_subshell(inside)
        finally:
            self.places = kept

    # what expansions ask (words.World)

    def look_up(self, name: str) -> str | None:
        """A variable's value with its marks."""
        if name == "PWD":
            return self.cwd or UNKNOWN
        value = self.variables.get(name)
        if name in self.given and value in {None, UNKNOWN}:
            value = self.given[name]
        if value == SECRET:
            self.holds_secret = True
        return value

    def look_up_all(self, name: str) -> list[str] | None:
        """An array's values, or all positional parameters for `@`."""
        return self.variables.get_all(name)

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""
        self.variables.set(name, self.cut(value))

    def substitute(self, text: str) -> str:
        """What `$(text)` becomes."""
        plain = text.strip()
        if plain.startswith("<") and not plain.startswith(("<(", "<<")):
            text = self.read(self.expander.text(plain[1:].strip()))
            self.holds_secret = self.holds_secret or SECRET in text
            return text.rstrip("\n")
        return self._capture(lambda: self._kept(text)).rstrip("\n")

    def _kept(self, text: str) -> str:
        """Run a text all of whose output is kept."""
        output = self.run_text(text)
        if self.endless:
            self.add(EffectKind.FORK_BOMB, "a substitution", Scope.ROOT, "command.exhausts")
        return output

    def _capture(self, run: Callable[[], str]) -> str:
        """Run something whose output goes on and is not shown."""
        before, self.endless = self.endless, False
        self.captured += 1
        try:
            return self.in_subshell(run)
        finally:
            self.captured -= 1
            self.endless = before

    def open_process(self, text: str, sign: str) -> str:
        """The path that `<(text)` becomes; `>(text)` runs with unknown input."""
        output = self._capture(lambda: self.run_text(text, UNKNOWN if sign == ">" else ""))
        path = f"/dev/fd/{63 + len(self.files)}"
        if sign == "<":
            self.files[path] = output
        return path

    def fields(self, raw: str) -> list[str]:
        """The words that one raw word becomes."""
        return self.expander.fields(raw)

    def expand(self, raw: str) -> str:
        """One raw word that does not split."""
        return self.expander.text(raw)

    def expand_heredoc(self, heredoc: HereDoc) -> str:
        """A here-document's text."""
        return heredoc.body if heredoc.quoted else self.expander.heredoc(heredoc.body)

    def read(self, path: str) -> str:
        """What a file holds: known where this text wrote it, else unknown or secret."""
        full = self.places.resolve(path, self.cwd)
        known = self.files.get(full)
        if known is not None:
            return known
        if path != UNKNOWN and self.is_secret(path):
            return SECRET
        return blend(path) if not is_literal(path) else UNKNOWN

    def note_clone(self, folder: str, *, strange: bool = False) -> None:
        """Note that a folder holds what this text fetched, maybe from a host that few use."""
        if strange:
            self.note_strange(folder)
        if len(self.cloned) < MAX_CLONES:
            self.cloned.add(folder)
        else:
            self.doubt("more repositories than are followed", "command.budget")

    def is_foreign(self, path: str) -> bool:
        """Whether a path lies in a repository that this text cloned."""
        return any(path == clone or path.startswith(clone + "/") for clone in self.cloned)

    def note_strange(self, path: str) -> None:
        """Note that a file or folder came from a host from which code is not fetched every day."""
        self.met_strange = True
        if len(self.strange) < MAX_CLONES:
            self.strange.add(path)

    def is_strange(self, path: str) -> bool:
        """Whether a path is, or lies in, what came from such a host."""
        return any(path == one or path.startswith(one + "/") for one in self.strange)

    def is_secret(self, path: str) -> bool:
        """Whether a path names a file with credentials."""
        if is_secret_path(path):
            return True
        full = self.places.origin(self.places.resolve(path, self.cwd))
        return full != path and is_secret_path(full)

    # walking

    def run_all(self, nodes: Iterable[Node], stdin: str = "") -> str:
        """Run statements one after another, all with the same input."""
        fed = self.endless
        output = []
        for node in nodes:
            self.endless = fed
            output.append(self.run(node, stdin))
        return self.cut("".join(output))

    def run(self, node: Node, stdin: str = "", redirects: tuple[Node, ...] = ()) -> str:
        """Run one statement."""
        if self._nesting >= MAX_NESTING:
            self.doubt("compound commands nested too deep", "command.too_deep")
            return UNKNOWN
        self._nesting += 1
        try:
            return walk(self, node, stdin, redirects)
        finally:
            self._nesting -= 1

    def step(self, count: int = 1) -> None:
        """Spend some of the budget of work; raises Spent where it is used up."""
        self.steps += count
        if self.steps > MAX_STEPS:
            self.doubt("more commands than are judged", "command.budget")
            raise Spent

    def cut(self, text: str) -> str:
        """A text no longer than is followed; each costs work by its length."""
        if len(text) > _CHARS_PER_STEP:
            self.step(len(text) // _CHARS_PER_STEP)
        if len(text) > MAX_OUTPUT:
            self.doubt("a text too large to follow", "command.budget")
            return text[:MAX_OUTPUT]
        return text

    def some(self, items: list[str], most: int = MAX_ITEMS) -> list[str]:
        """The first of many items; that the others are not judged is noted."""
        if len(items) > most:
            self.doubt("more arguments than are judged", "command.budget")
        return items[:most]

    def note_self(self) -> None:
        """A script starts itself: for the second time, it is a bomb."""
        self._selves += 1
        if self._selves > 1:
            self.add(EffectKind.FORK_BOMB, "$0", Scope.ROOT, "command.fork_bomb")

    def run_argv(self, argv: list[str], stdin: str = "") -> str:
        """Run one simple command with everything expanded."""
        self.step()
        path = argv[0]
        if path in self.functions:
            return self._call(path, argv[1:], stdin)
        name = path.rpartition("/")[2] or path
        return self.dispatch(self, Call(name, argv[1:], stdin, path))

    def _call(self, name: str, args: list[str], stdin: str) -> str:
        """Call a function that the text defines."""
        if name in self._calls and len(self._calls) >= MAX_CALLS:
            return UNKNOWN
        body, source = self.functions[name]
        kept, self.source = self.source, source
        positional, absent = self.variables.positional, self.absent
        self.variables.positional = args
        self._calls.append(name)
        try:
            return self.run(body, stdin)
        finally:
            self._calls.pop()
            self.variables.positional, self.absent = positional, absent
            self.source = kept


_TOO_MANY: Final = Unprovable("more findings than are kept", "command.budget", (0, 0))
_NAMES: Final = {
    UNKNOWN: "${STOPPER_UNKNOWN}",
    SECRET: "${STOPPER_SECRET}",
    ENCODED: "${STOPPER_ENCODED}",
}
