"""A shell that runs nothing: it walks a parsed text, follows literal values, and notes effects."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

import tree_sitter_bash
from msgspec import Struct
from tree_sitter import Language, Node, Parser

from stopper.detect.effects import Effect, EffectKind, Scope, Span, Unprovable
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.redirects import Redirect, apply_inputs, apply_outputs
from stopper.detect.commands.scope import Places
from stopper.detect.commands.source import (
    MAX_COMMAND,
    MAX_PIPES,
    HereDoc,
    Source,
    read_source,
)
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, blend, is_literal
from stopper.detect.commands.variables import Variables
from stopper.detect.commands.words import Expander

__all__ = ["MAX_DEPTH", "MAX_FINDINGS", "MAX_NESTING", "MAX_STEPS", "Call", "Shell"]

MAX_DEPTH = 16
"""How many texts may stand inside each other: substitutions, `bash -c` and the like."""
MAX_NESTING = 80
"""How many compound commands may stand inside each other in one text."""
MAX_STEPS = 4000
"""How many simple commands are judged, each pass of a loop counted."""
MAX_CALLS = 4
"""How many calls of functions may stand inside each other."""
MAX_FINDINGS = 200
MAX_LOOP = 8
MAX_OUTPUT = 65_536

_PARSER: Final = Parser(Language(tree_sitter_bash.language()))
_WORDY: Final = frozenset(
    {
        "word", "string", "raw_string", "ansi_c_string", "translated_string", "concatenation",
        "simple_expansion", "expansion", "command_substitution", "process_substitution", "number",
        "arithmetic_expansion", "brace_expression", "regex", "extglob_pattern", "string_content",
    }
)  # fmt: skip
_SKIPPED: Final = frozenset({"comment", "heredoc_start", "heredoc_end", "file_descriptor"})
_GRAVE_KINDS: Final = frozenset({"-rf", "-fr", "-r", "-R", "-Rf", "-fR", "-c", "--recursive"})
_GLOBS: Final = frozenset("*?[")


class Call(Struct):
    """One simple command with everything expanded."""

    name: str
    args: list[str]
    stdin: str
    path: str = ""


class Spent(Exception):  # noqa: N818  no error: the budget of work is used up
    """Judging stops here; what was found stays."""


Handler = Callable[["Shell", Call], str]


class Shell:
    """The state of one judgement. `run_text` returns what the text may print, marks included."""

    def __init__(self, places: Places, dispatch: Callable[["Shell", Call], str]) -> None:
        self.places = places
        self.dispatch = dispatch
        self.variables = Variables(places.workspace, places.home)
        self.cwd: str | None = places.workspace
        self.files: dict[str, str] = {}
        self.functions: dict[str, tuple[Node, Source]] = {}
        self.aliases: dict[str, str] = {}
        self.effects: dict[Effect, None] = {}
        self.unprovable: dict[Unprovable, None] = {}
        self.span: Span = (0, 0)
        self.depth = 0
        self.steps = 0
        self.background = False
        self._calls: list[str] = []
        self._nesting = 0
        self._source = Source("", "", {})
        self._expander = Expander(self)

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
        if len(self.effects) < MAX_FINDINGS:
            target = "".join("…" if char < "\x04" else char for char in target[:200])
            self.effects[Effect(kind, target, reversible, scope, reason, self.span)] = None

    def doubt(self, part: str, reason: str) -> None:
        """Note a part of the command that runs now whose effect cannot be told."""
        if len(self.unprovable) < MAX_FINDINGS:
            self.unprovable[Unprovable(part[:80], reason, self.span)] = None

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
        for mark in (UNKNOWN, SECRET, ENCODED):
            code = code.replace(mark, _NAMES[mark])
        self.run_text(code)

    def run_text(self, text: str, stdin: str = "") -> str:
        """Run a text of shell code in this very shell."""
        if len(text) > MAX_COMMAND or text.count("|") > MAX_PIPES:
            self.doubt("a command too large to judge", "command.too_large")
            return UNKNOWN
        if self.depth >= MAX_DEPTH:
            self.doubt("a command nested too deep", "command.too_deep")
            return UNKNOWN
        before = self._source
        self._source = read_source(text)
        self.depth += 1
        try:
            root = _PARSER.parse(self._source.shadow.encode()).root_node
            if root.has_error:
                self._doubt_syntax(root)
            return self.run_all(root.named_children, stdin)
        finally:
            self.depth -= 1
            self._source = before

    def in_subshell(self, run: Callable[[], str]) -> str:
        """Run something whose variables, functions and folder do not outlive it."""
        kept = (self.variables, self.cwd, self.functions, self.aliases)
        self.variables = self.variables.copy()
        self.functions = dict(self.functions)
        try:
            return run()
        finally:
            self.variables, self.cwd, self.functions, self.aliases = kept

    def elsewhere(self, run: Callable[[], str], machine: str) -> str:
        """Run something on another machine or in a container."""
        kept = self.places
        self.places = Places("", kept.home, remote=machine == "container")

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
        return self.variables.get(name)

    def look_up_all(self, name: str) -> list[str] | None:
        """An array's values, or all positional parameters for `@`."""
        return self.variables.get_all(name)

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""
        self.variables.set(name, value)

    def substitute(self, text: str) -> str:
        """What `$(text)` becomes."""
        self._doubt_source(text)
        plain = text.strip()
        if plain.startswith("<") and not plain.startswith(("<(", "<<")):
            return self.read(self._expander.text(plain[1:].strip())).rstrip("\n")
        return self.in_subshell(lambda: self.run_text(text)).rstrip("\n")

    def open_process(self, text: str, sign: str) -> str:
        """The path that `<(text)` becomes; `>(text)` runs with unknown input."""
        output = self.in_subshell(lambda: self.run_text(text, UNKNOWN if sign == ">" else ""))
        path = f"/dev/fd/{63 + len(self.files)}"
        if sign == "<":
            self.files[path] = output
        return path

    def fields(self, raw: str) -> list[str]:
        """The words that one raw word becomes."""
        return self._expander.fields(raw)

    def expand(self, raw: str) -> str:
        """One raw word that does not split."""
        return self._expander.text(raw)

    def expand_heredoc(self, heredoc: HereDoc) -> str:
        """A here-document's text."""
        return heredoc.body if heredoc.quoted else self._expander.heredoc(heredoc.body)

    def read(self, path: str) -> str:
        """What a file holds: known where this text wrote it, else unknown or secret."""
        full = self.places.resolve(path, self.cwd)
        known = self.files.get(full)
        if known is not None:
            return known
        if UNKNOWN != path and self.is_secret(path):
            return SECRET
        return blend(path) if not is_literal(path) else UNKNOWN

    def is_secret(self, path: str) -> bool:
        """Whether a path names a file with credentials; set by the judge."""
        return _is_secret(path, self.places.resolve(path, self.cwd))

    # walking

    def run_all(self, nodes: Iterable[Node], stdin: str = "") -> str:
        """Run statements one after another, all with the same input."""
        outputs = [self.run(node, stdin) for node in nodes]
        return "".join(outputs)[:MAX_OUTPUT]

    def run(self, node: Node, stdin: str = "", redirects: tuple[Node, ...] = ()) -> str:
        """Run one statement."""
        if self._nesting >= MAX_NESTING:
            self.doubt("compound commands nested too deep", "command.too_deep")
            return UNKNOWN
        self._nesting += 1
        try:
            walk = _WALKS.get(node.type)
            if walk is not None:
                return walk(self, node, stdin, redirects)
            if node.type in _WORDY:
                return self._stray(node)
            return self._compound(node, stdin, redirects)
        finally:
            self._nesting -= 1

    def _text(self, node: Node) -> str:
        return self._source.text[node.start_byte : node.end_byte]

    def _stray(self, node: Node) -> str:
        """A word where no command runs it: only its substitutions count."""
        raw = self._text(node)
        if "$(" in raw or "`" in raw or "<(" in raw:
            self._expander.text(raw)
        return ""

    def _nothing(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        return ""

    def _compound(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        """Any other statement: its parts run in order, and may or may not."""
        found = self._redirects(redirects)
        stdin = apply_inputs(self, found, stdin)
        output = self.run_all(node.named_children, stdin)
        apply_outputs(self, found, output, stdin)
        return output

    def _subshell(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        return self.in_subshell(lambda: self._compound(node, stdin, redirects))

    def _conditional(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        """What may not run may not set: a variable with two possible values has neither."""
        before = self.variables.copy()
        output = self._compound(node, stdin, redirects)
        self.variables.join(before)
        return output

    def _list(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        children = node.named_children
        alternative = any(child.type == "||" for child in node.children)
        before = self.variables.copy() if alternative else None
        output = [self.run(child, stdin) for child in children[:-1]]
        if children:
            output.append(self.run(children[-1], stdin, redirects))
        if before is not None:
            self.variables.join(before)
        return "".join(output)[:MAX_OUTPUT]

    def _redirected(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        body = node.child_by_field_name("body")
        found = (*node.children_by_field_name("redirect"), *redirects)
        if body is None:
            return self._simple([], [], found, stdin, node)
        return self.run(body, stdin, found)

    def _pipeline(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        stages = [child for child in node.named_children if child.type not in _SKIPPED]
        for number, stage in enumerate(stages):
            last = number == len(stages) - 1
            own = redirects if last else ()
            stdin = self._stage(stage, stdin, own)
        return stdin

    def _stage(self, stage: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        if stage.type == "list":
            return self._list_stage(stage, stdin, redirects)
        return self.in_subshell(lambda: self.run(stage, stdin, redirects))

    def _list_stage(self, stage: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        """`a && b | c` may parse as `(a && b) | c`: only the last one is piped."""
        children = stage.named_children
        for child in children[:-1]:
            self.run(child)
        return self.run(children[-1], stdin, redirects) if children else ""

    def _command(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        assigns: list[Node] = []
        words: list[str] = []
        found = list(redirects)
        end = -1
        text = self._source.text
        for child in node.children:
            kind = child.type
            if kind == "variable_assignment" and not words:
                assigns.append(child)
            elif kind in {"file_redirect", "herestring_redirect", "heredoc_redirect"}:
                found.append(child)
            elif kind in _SKIPPED:
                continue
            else:
                start = child.start_byte
                piece = text[start : child.end_byte]
                if start == end and words:
                    words[-1] += piece
                else:
                    words.append(piece)
                end = child.end_byte
        return self._simple(assigns, words, tuple(found), stdin, node)

    def _simple(
        self,
        assigns: list[Node],
        words: list[str],
        redirects: tuple[Node, ...],
        stdin: str,
        node: Node,
    ) -> str:
        self.steps += 1
        if self.steps > MAX_STEPS:
            self.doubt("more commands than are judged", "command.budget")
            raise Spent
        if self.depth == 1:
            self.span = (node.start_byte, node.end_byte)
        found = self._redirects(redirects) if redirects else []
        for redirect in found:
            words += redirect.more
        if words and words[0] in self.aliases:
            return self.run_text(" ".join([self.aliases[words[0]], *words[1:]]), stdin)
        argv = [field for word in words for field in self._expander.fields(word)]
        for assign in assigns:
            self._assignment(assign, lasting=not argv)
        stdin = apply_inputs(self, found, stdin) if found else stdin
        output = self.run_argv(argv, stdin) if argv else ""
        if found:
            apply_outputs(self, found, output, stdin)
            if any(redirect.takes_output for redirect in found):
                return ""
        return output

    def run_argv(self, argv: list[str], stdin: str = "") -> str:
        """Run one simple command with everything expanded."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            self.doubt("more commands than are judged", "command.budget")
            raise Spent
        path = argv[0]
        if not is_literal(path):
            return self._unknown_program(argv, stdin)
        if path in self.functions:
            return self._call(path, argv[1:], stdin)
        name = path.rpartition("/")[2] or path
        return self.dispatch(self, Call(name, argv[1:], stdin, path))

    def _unknown_program(self, argv: list[str], stdin: str) -> str:
        name, args = argv[0], argv[1:]
        if REMOTE in name:
            self.add(EffectKind.REMOTE_CODE, name, Scope.REMOTE, "command.runs_remote_code")
        elif ENCODED in name or " " in name or not name.strip("\x00\x02"):
            grave = any(arg in _GRAVE_KINDS for arg in args) or any(
                self.places.scope(arg, self.cwd) in {Scope.ROOT, Scope.HOME}
                for arg in args
                if arg[:1] in "/~"
            )
            made = ENCODED in name or self.background
            self.doubt(
                "a program that only a variable names",
                "command.unknown_code" if grave or made else "command.unknown_program",
            )
        else:
            self.doubt("a program whose name is not known", "command.unknown_program")
        return blend(stdin, *argv)

    def _call(self, name: str, args: list[str], stdin: str) -> str:
        """Call a function that the text defines."""
        if self._calls.count(name) >= 1 and len(self._calls) >= MAX_CALLS:
            return UNKNOWN
        body, source = self.functions[name]
        kept, self._source = self._source, source
        positional = self.variables.positional
        self.variables.positional = args
        self._calls.append(name)
        try:
            return self.run(body, stdin)
        finally:
            self._calls.pop()
            self.variables.positional = positional
            self._source = kept

    def _function(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return ""
        word = self._text(name)
        self.functions[word] = (body, self._source)
        if _bombs(body, self._source.text, word):
            self.add(EffectKind.FORK_BOMB, word, Scope.ROOT, "command.fork_bomb")
        return ""

    def _assignment(self, node: Node, *, lasting: bool = True) -> None:
        name = node.child_by_field_name("name")
        value = node.child_by_field_name("value")
        if name is None:
            return
        word = self._text(name).partition("[")[0]
        if value is not None and value.type == "array":
            items = [f for child in value.named_children for f in self.fields(self._text(child))]
            self.variables.set_all(word, items)
            return
        raw = self._text(node).partition("=")[2]
        appends = self._text(node)[: -len(raw) - 1 or None].endswith("+")
        text = self._expander.text(raw) if raw else ""
        self.dispatch(self, Call("=", [word, text], ""))
        if lasting:
            before = self.variables.get(word) or "" if appends else ""
            self.variables.set(word, before + text)

    def _assign_statement(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        if node.type == "variable_assignment":
            self._assignment(node)
        else:
            for child in node.named_children:
                if child.type == "variable_assignment":
                    self._assignment(child)
                else:
                    self._stray(child)
        return ""

    def _for(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return self._compound(node, stdin, redirects)
        raw = [self._text(child) for child in node.children_by_field_name("value")]
        values = [field for word in raw for field in self._expander.fields(word)]
        found = self._redirects(redirects)
        output = []
        name = self._text(variable)
        chosen = values if len(values) <= MAX_LOOP else _spread(values)
        for value in chosen or [UNKNOWN]:
            self.variables.set(name, value)
            output.append(self.run(body, apply_inputs(self, found, stdin)))
        printed = "".join(output)[:MAX_OUTPUT]
        apply_outputs(self, found, printed, stdin)
        return printed

    def _loop(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        """`while` and `until`; one that never ends and starts programs behind it is a bomb."""
        text = self._text(node)
        head = text.partition("do")[0].split()
        if head[1:2] in (["true;"], [":;"], ["true"], [":"], ["1;"]) and _spawns(node, text):
            self.add(EffectKind.FORK_BOMB, "loop", Scope.ROOT, "command.fork_bomb")
        return self._conditional(node, stdin, redirects)

    def _test(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        return self._stray(node)

    def _error(self, node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
        """What the parser could not place: every run of words may be a command."""
        words: list[str] = []
        for child in node.children:
            if child.type in _WORDY or child.type == "command_name":
                words.append(self._text(child))
                continue
            self._loose(words)
            words = []
            if child.is_named:
                self.run(child, stdin)
        self._loose(words)
        return UNKNOWN

    def _loose(self, words: list[str]) -> None:
        argv = [field for word in words for field in self._expander.fields(word)]
        if argv:
            self.run_argv(argv)

    def _redirects(self, nodes: Iterable[Node]) -> list[Redirect]:
        return [self._redirect(node) for node in nodes]

    def _redirect(self, node: Node) -> Redirect:
        text = self._text(node)
        if node.type == "heredoc_redirect":
            self.doubt("a here-document that is not understood", "command.parse_error")
            return Redirect("<", UNKNOWN, None, [])
        sign = next((c for c in node.children if not c.is_named), None)
        operator = sign.type if sign is not None else text[:1]
        heredoc = self._source.heredocs.get(sign.start_byte) if sign is not None else None
        targets = [child for child in node.named_children if child.type != "file_descriptor"]
        words: list[str] = []
        end = -1
        for child in targets:
            if child.start_byte == end:
                words[-1] += self._text(child)
            else:
                words.append(self._text(child))
            end = child.end_byte
        number = next((c for c in node.named_children if c.type == "file_descriptor"), None)
        descriptor = self._text(number) if number is not None else ""
        if heredoc is not None:
            return Redirect("<<<", self.expand_heredoc(heredoc), heredoc, words[1:])
        if operator == "<<<":
            return Redirect("<<<", self._expander.text(words[0]) + "\n" if words else "", None, [])
        target = self._expander.text(words[0]) if words else ""
        return Redirect(operator, target, None, words[1:], descriptor)

    def _doubt_source(self, text: str) -> None:
        if len(text) > MAX_COMMAND:
            self.doubt("a substitution too large to judge", "command.too_large")

    def _doubt_syntax(self, root: Node) -> None:
        bad = _first_error(root)
        if self.depth == 1 and bad is not None:
            self.span = (bad.start_byte, bad.end_byte)
        self.doubt("text that does not parse as shell", "command.parse_error")


Walk = Callable[[Shell, Node, str, tuple[Node, ...]], str]

_NAMES: Final = {
    UNKNOWN: "${STOPPER_UNKNOWN}",
    SECRET: "${STOPPER_SECRET}",
    ENCODED: "${STOPPER_ENCODED}",
}
_WALKS: Final[dict[str, Walk]] = {
    "command": Shell._command,
    "list": Shell._list,
    "pipeline": Shell._pipeline,
    "redirected_statement": Shell._redirected,
    "subshell": Shell._subshell,
    "if_statement": Shell._conditional,
    "case_statement": Shell._conditional,
    "while_statement": Shell._loop,
    "for_statement": Shell._for,
    "function_definition": Shell._function,
    "variable_assignment": Shell._assign_statement,
    "variable_assignments": Shell._assign_statement,
    "declaration_command": Shell._assign_statement,
    "unset_command": Shell._nothing,
    "test_command": Shell._test,
    "comment": Shell._nothing,
    "ERROR": Shell._error,
}


def _is_secret(path: str, full: str) -> bool:
    return is_secret_path(path) or is_secret_path(full)


def _spread(values: list[str]) -> list[str]:
    """A few of many: the first, the last, and those that are no plain names."""
    odd = [value for value in values if value[:1] in "/~." or not is_literal(value)]
    return [*values[: MAX_LOOP // 2], *odd[: MAX_LOOP // 2], values[-1]]


def _first_error(node: Node) -> Node | None:
    for _ in range(MAX_NESTING):
        if node.type == "ERROR" or node.is_missing:
            return node
        bad = next((child for child in node.children if child.has_error), None)
        if bad is None:
            return node
        node = bad
    return node


def _bombs(body: Node, text: str, word: str) -> bool:
    """A function that starts itself twice, or starts itself and goes on."""
    inside = text[body.start_byte : body.end_byte]
    if word not in inside[1:]:
        return False
    calls = 0
    behind = "&" in inside.replace("&&", "").replace("2>&1", "").replace("&>", "")
    todo = [body]
    seen = 0
    while todo and seen < MAX_STEPS:
        node = todo.pop()
        seen += 1
        if node.type == "command_name" and text[node.start_byte : node.end_byte] == word:
            calls += 1
        todo += node.named_children
    return calls >= 2 or (calls == 1 and behind)


def _spawns(node: Node, text: str) -> bool:
    bare = text.replace("&&", "").replace("2>&1", "").replace("&>", "").replace(">&", "")
    return "&" in bare and "wait" not in text and "sleep" not in text
