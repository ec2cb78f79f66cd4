"""Walks a parsed text: which statements run, with what input, and where their output goes."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from stopper.detect.commands.absent import lacking, leaves
from stopper.detect.commands.bombs import fills_forever, is_bomb, is_flood, spawns_forever
from stopper.detect.commands.call import Call
from stopper.detect.commands.endless import (
    ENDLESS,
    keeps_all,
    may_be_endless,
    prints_forever,
    writes_all,
)
from stopper.detect.commands.redirects import (
    Redirect,
    apply_inputs,
    apply_outputs,
    kept,
    note_endless,
    note_wired,
)
from stopper.detect.commands.scripts import is_shown, named
from stopper.detect.commands.taint import SECRET, UNKNOWN
from stopper.detect.effects import EffectKind, Scope, Span

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["MAX_LOOP", "MAX_LOOSE", "doubt_syntax", "run_loosely", "run_words", "walk"]

MAX_LOOP: Final = 256
"""How many values of a loop are followed."""
MAX_LOOSE: Final = 400
"""How many pieces of a text that does not parse are looked at."""
_MAX_ERROR_DEPTH: Final = 80

_LOOSE_SPLIT: Final = re.compile(r"\n|;|&&?|\|\|?")
_LOOSE_WORD: Final = re.compile(
    r"""(?:\\.|'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"\\()]|(?<=\$)\([^()]*\))+""", re.DOTALL
)
_WORDY: Final = frozenset(
    {
        "word", "string", "raw_string", "ansi_c_string", "translated_string", "concatenation",
        "simple_expansion", "expansion", "command_substitution", "process_substitution", "number",
        "arithmetic_expansion", "brace_expression", "regex", "extglob_pattern", "string_content",
    }
)  # fmt: skip
_ENDLESS: Final = re.compile(
    r"(?:while\s+(?:true|:|1|\[\s+1\s+\]|\(\(\s*1\s*\)\)|\[\[\s+1\s+\]\])|until\s+(?:false"
    r"|\(\(\s*0\s*\)\)))\s*[;\n]"
)
_FOREVER: Final = re.compile(r"for\s*\(\([^;()]{0,99};\s*(?:1\s*)?;[^()]{0,99}\)\)")
_REDIRECTS: Final = frozenset({"file_redirect", "herestring_redirect", "heredoc_redirect"})
_CLAUSES: Final = frozenset({"elif_clause", "else_clause"})
_LISTED: Final = re.compile(r"(?:export|declare|typeset)(?:\s+-[px]{1,2})?\s*\Z")
_LASTING: Final = frozenset({"export", "declare", "typeset", "readonly"})
"""Programs whose assignments stay."""
_LINELESS: Final = re.compile(
    r"/dev/(?:zero|full)\b[^|]{0,200}(?:\|(?!\s{0,9}(?:head|dd|timeout"
    r"|pv\s[^|]{0,99}-S)\b)[^|]{0,200}){0,6}?"
    r"\|\s{0,9}(?:\w{1,20}=\S{1,40}\s{1,9}|sudo\s{1,9})?(?:grep|egrep|sed|awk|gawk|mawk|perl"
    r"|cut|sort|uniq|rev|read|while|xargs|paste"
    r"|column|nl|fold|fmt|python3?|ruby|tac|tail|jq|wc\s{1,9}-L)\b"
)
"""What never ends a line, read by what keeps one."""
_BOUNDED: Final = re.compile(r"\bhead\b|\bcount=|\btimeout\b|\\n|\\012|ulimit|systemd-run")
_SELF: Final = frozenset({"$0", '"$0"', "./$0", "${0}"})
_ENTRY: Final = re.compile(r"\[([^\]]{1,99})\]=(.*)", re.DOTALL)
"""An entry of an array, behind its name."""
_READS: Final = re.compile(r"(?:while|until)\b[^;\n]{0,200}\bread\b")
"""A loop over the lines of its input."""
_SKIPPED: Final = frozenset({"comment", "heredoc_start", "heredoc_end", "file_descriptor"})

Walk = Callable[["Shell", Node, str, tuple[Node, ...]], str]


def walk(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """Run one statement; what it may print."""
    step = _WALKS.get(node.type)
    if step is not None:
        return step(shell, node, stdin, redirects)
    if node.type in _WORDY:
        return _stray(shell, node)
    return _compound(shell, node, stdin, redirects)


def run_words(shell: "Shell", words: list[str], span: Span, stdin: str) -> str:
    """Run a simple command of these words, as they are written; what it may print."""
    return _simple(shell, [], words, (), stdin, span)


def _span(node: Node) -> Span:
    return node.start_byte, node.end_byte


def _text(shell: "Shell", node: Node) -> str:
    return shell.source.text[node.start_byte : node.end_byte]


def _stray(shell: "Shell", node: Node) -> str:
    """A word where no command runs it: only its substitutions count."""
    raw = _text(shell, node)
    if "$(" in raw or "`" in raw or "<(" in raw:
        shell.expander.text(raw)
    return ""


def _nothing(_shell: "Shell", _node: Node, _stdin: str, _redirects: tuple[Node, ...]) -> str:
    return ""


def _compound(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """Any other statement: its parts run in order, and may or may not."""
    found = _redirects(shell, redirects)
    stdin = apply_inputs(shell, found, stdin)
    output = shell.run_all(node.named_children, stdin)
    apply_outputs(shell, found, output, stdin)
    return output


def _subshell(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    return shell.in_subshell(lambda: _compound(shell, node, stdin, redirects))


def _conditional(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """What may not run may not set: a variable with two possible values has neither."""
    before, absent = shell.variables.copy(), shell.absent
    output = _compound(shell, node, stdin, redirects)
    shell.variables.join(before)
    shell.absent = absent
    return output


def _if(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """As any other, but that its test may say what is not there."""
    tests = [child for child in node.children_by_field_name("condition") if child.is_named]
    kept = shell.absent
    if len(tests) != 1:
        return _conditional(shell, node, stdin, redirects)
    then, other = lacking(shell, tests[0], holds=True), lacking(shell, tests[0], holds=False)
    if not then and not other:
        return _conditional(shell, node, stdin, redirects)
    before = shell.variables.copy()
    found = _redirects(shell, redirects)
    stdin = apply_inputs(shell, found, stdin)
    output = []
    for child in node.named_children:
        if child != tests[0]:
            shell.absent = kept | (other if child.type in _CLAUSES else then)
        output.append(shell.run(child, stdin))
    last = [child for child in node.named_children if child.type not in _CLAUSES][-1]
    shell.absent = kept | other if leaves(_text(shell, last)) else kept
    printed = shell.cut("".join(output))
    apply_outputs(shell, found, printed, stdin)
    shell.variables.join(before)
    return printed


def _list(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    children = node.named_children
    alternative = any(child.type == "||" for child in node.children)
    before = shell.variables.copy() if alternative else None
    fed = shell.endless
    output = []
    for child in children[:-1]:
        output.append(shell.run(child, stdin))
        shell.endless = fed
    if children:
        kept = shell.absent
        if len(children) == len(("left", "right")):
            shell.absent = kept | lacking(shell, children[0], holds=not alternative)
        output.append(shell.run(children[-1], stdin, redirects))
        shell.absent = kept
        if leaves(_text(shell, children[-1])):
            shell.absent = kept | lacking(shell, children[0], holds=alternative)
    if before is not None:
        shell.variables.join(before)
    return shell.cut("".join(output))


def _redirected(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    body = node.child_by_field_name("body")
    own = (child for child in node.named_children if child.type in _REDIRECTS)
    found = (*own, *redirects)
    if body is None:
        return _simple(shell, [], [], found, stdin, _span(node))
    return shell.run(body, stdin, found)


def _pipeline(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    stages = [child for child in node.named_children if child.type not in _SKIPPED]
    text = _text(shell, node)
    if is_flood(text):
        shell.add(EffectKind.FORK_BOMB, "pipeline", Scope.ROOT, "command.fork_bomb")
    elif "/dev/" in text and _LINELESS.search(text) and not _BOUNDED.search(text):
        shell.add(EffectKind.FORK_BOMB, "pipeline", Scope.ROOT, "command.exhausts")
    shell.endless = False
    first = [_text(shell, stage) for stage in stages[:2]]
    if first[1:] and not redirects and is_shown(shell, *first):
        stages = stages[2:]
        stdin = UNKNOWN
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        own = redirects if last else ()
        shell.captured += not last
        try:
            stdin = _stage(shell, stage, stdin, own)
        finally:
            shell.captured -= not last
    return stdin


def _stage(shell: "Shell", stage: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    if stage.type == "list":
        return _list_stage(shell, stage, stdin, redirects)
    return shell.in_subshell(lambda: shell.run(stage, stdin, redirects))


def _list_stage(shell: "Shell", stage: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """`a && b | c` may parse as `(a && b) | c`: only the last one is piped."""
    children = stage.named_children
    for child in children[:-1]:
        shell.run(child)
    return shell.run(children[-1], stdin, redirects) if children else ""


def _command(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    assigns: list[Node] = []
    words: list[str] = []
    found = list(redirects)
    end = -1
    text = shell.source.text
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment" and not words:
            assigns.append(child)
        elif kind in _REDIRECTS:
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
    return _simple(shell, assigns, words, tuple(found), stdin, _span(node))


def _simple(  # noqa: PLR0917  all of it is one command
    shell: "Shell",
    assigns: list[Node],
    words: list[str],
    redirects: tuple[Node, ...],
    stdin: str,
    span: Span,
) -> str:
    shell.step()
    fed, given = shell.endless, shell.given
    if shell.depth == 1:
        shell.span = span
    found = _redirects(shell, redirects) if redirects else []
    for redirect in found:
        words += redirect.more
    words, found = named(shell, words, found)
    if words and words[0] in _SELF:
        shell.note_self()
    if words and words[0] in shell.aliases:
        return shell.run_text(" ".join([shell.aliases[words[0]], *words[1:]]), stdin)
    argv = shell.expander.all_fields(words)
    for assign in assigns:
        _assignment(shell, assign, lasting=not argv)
    stdin = apply_inputs(shell, found, stdin) if found else stdin
    output = shell.run_argv(argv, stdin) if argv else ""
    if argv:
        if argv[0] not in _LASTING:
            shell.given = given
        _note_endless(shell, argv, found, fed=fed)
    if found:
        note_wired(shell, argv, found)
        apply_outputs(shell, found, kept(shell, argv, found, output), stdin)
        if any(redirect.takes_output for redirect in found):
            return ""
    return output


def _note_endless(shell: "Shell", argv: list[str], found: list[Redirect], *, fed: bool) -> None:
    """What never ends and is kept, or written, and whether it goes on."""
    if not fed and not found and not may_be_endless(argv):
        shell.endless = False
        return
    fed = fed or any(one.operator == "<" and one.target in ENDLESS for one in found)
    endless = prints_forever(argv, fed=fed)
    if endless and found:
        note_endless(shell, found)
        endless = not any(redirect.takes_output for redirect in found)
    if keeps_all(argv, fed=fed) or writes_all(argv, fed=fed):
        shell.add(EffectKind.FORK_BOMB, argv[0], Scope.ROOT, "command.exhausts")
    shell.endless = endless


def _function(shell: "Shell", node: Node, _stdin: str, _redirects: tuple[Node, ...]) -> str:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or body is None:
        return ""
    word = _text(shell, name)
    shell.functions[word] = (body, shell.source)
    if is_bomb(body, shell.source.text, word):
        shell.add(EffectKind.FORK_BOMB, word, Scope.ROOT, "command.fork_bomb")
    return ""


def _assignment(shell: "Shell", node: Node, *, lasting: bool = True) -> None:
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None:
        return
    word = _text(shell, name).partition("[")[0]
    if value is not None and value.type == "array":
        items = [f for child in value.named_children for f in shell.fields(_text(shell, child))]
        entries = [_ENTRY.fullmatch(item) for item in items]
        for entry in filter(None, entries):
            shell.variables.set(f"{word}[{entry[1]}]", entry[2])
        held = [entry[2] if entry else item for entry, item in zip(entries, items, strict=True)]
        shell.variables.set_all(word, held)
        return
    raw = _text(shell, node).partition("=")[2]
    appends = _text(shell, node)[: -len(raw) - 1 or None].endswith("+")
    text = shell.expander.text(raw) if raw else ""
    shell.dispatch(shell, Call("=", [word, text], ""))
    if lasting:
        before = shell.variables.get(word) or "" if appends else ""
        shell.assign(word, before + text)


def _assign_statement(shell: "Shell", node: Node, _stdin: str, _redirects: tuple[Node, ...]) -> str:
    if node.type == "variable_assignment":
        _assignment(shell, node)
    else:
        for child in node.named_children:
            if child.type == "variable_assignment":
                _assignment(shell, child)
            else:
                _stray(shell, child)
        bare = not any(child.type == "variable_assignment" for child in node.named_children)
        if bare and _LISTED.match(_text(shell, node)):
            return shell.show_environment() or (SECRET if shell.captured else "")
    return ""


def _for(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
    if variable is None or body is None:
        return _compound(shell, node, stdin, redirects)
    raw = [_text(shell, child) for child in node.children_by_field_name("value")]
    values = shell.expander.all_fields(raw)
    if not raw:
        # without a list, it goes through its own arguments
        values = shell.look_up_all("@") or []
    found = _redirects(shell, redirects)
    output = []
    name, kept = _text(shell, variable), shell.absent
    for value in shell.some(values, MAX_LOOP) or [UNKNOWN]:
        shell.variables.set(name, value)
        # a wildcard is another file in each loop
        shell.absent = frozenset()
        output.append(shell.run(body, apply_inputs(shell, found, stdin)))
    shell.absent = kept
    printed = shell.cut("".join(output))
    apply_outputs(shell, found, printed, stdin)
    return printed


def _loop(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    """`while` and `until`; one that never ends and starts programs behind it is a bomb."""
    text = _text(shell, node)
    if _ENDLESS.match(text):
        _note_forever(shell, text)
    if _READS.match(text):
        found = _redirects(shell, redirects)
        given = apply_inputs(shell, found, stdin)
        lines = [f"{line}\n" for line in given.split("\n") if line]
        if len(lines) > 1:
            output = [_conditional(shell, node, line, ()) for line in shell.some(lines, MAX_LOOP)]
            printed = shell.cut("".join(output))
            apply_outputs(shell, found, printed, stdin)
            return printed
    # what the first pass sets, the second one sees
    _conditional(shell, node, stdin, redirects)
    return _conditional(shell, node, stdin, redirects)


def _note_forever(shell: "Shell", text: str) -> None:
    if spawns_forever(text):
        shell.add(EffectKind.FORK_BOMB, "loop", Scope.ROOT, "command.fork_bomb")
    elif fills_forever(text):
        shell.add(EffectKind.FORK_BOMB, "loop", Scope.ROOT, "command.exhausts")


def _c_for(shell: "Shell", node: Node, stdin: str, redirects: tuple[Node, ...]) -> str:
    text = _text(shell, node)
    if _FOREVER.match(text):
        _note_forever(shell, text)
    absent = shell.absent
    output = _compound(shell, node, stdin, redirects)
    shell.absent = absent
    return output


def _test(shell: "Shell", node: Node, _stdin: str, _redirects: tuple[Node, ...]) -> str:
    return _stray(shell, node)


def _error(shell: "Shell", node: Node, stdin: str, _redirects: tuple[Node, ...]) -> str:
    """What the parser could not place: every run of words may be a command."""
    words: list[str] = []
    for child in node.children:
        if child.type in _WORDY or child.type == "command_name":
            words.append(_text(shell, child))
            continue
        _loose(shell, words)
        words = []
        if child.is_named:
            shell.run(child, stdin)
    _loose(shell, words)
    return UNKNOWN


def run_loosely(shell: "Shell", text: str) -> None:
    """Text that the parser does not take, by its operators and words alone."""
    for part in shell.some(_LOOSE_SPLIT.split(text), MAX_LOOSE):
        _loose(shell, _LOOSE_WORD.findall(part))


def _loose(shell: "Shell", words: list[str]) -> None:
    argv = shell.expander.all_fields(words)
    if argv:
        shell.run_argv(argv)


def _redirects(shell: "Shell", nodes: Iterable[Node]) -> list[Redirect]:
    return [_redirect(shell, node) for node in nodes]


def _redirect(shell: "Shell", node: Node) -> Redirect:
    text = _text(shell, node)
    if node.type == "heredoc_redirect":
        shell.doubt("a here-document that is not understood", "command.parse_error")
        return Redirect("<", UNKNOWN, None, [])
    sign = next((c for c in node.children if not c.is_named), None)
    operator = sign.type if sign is not None else text[:1]
    if sign is not None and shell.source.text.startswith("<>", sign.start_byte):
        operator = "<>"
    elif sign is not None and shell.source.text.startswith("<<<", sign.start_byte):
        operator = "<<<"
    heredoc = shell.source.heredocs.get(sign.start_byte) if sign is not None else None
    targets = [child for child in node.named_children if child.type != "file_descriptor"]
    words: list[str] = []
    end = -1
    for child in targets:
        if child.start_byte == end:
            words[-1] += _text(shell, child)
        else:
            words.append(_text(shell, child))
        end = child.end_byte
    if len(words) > 1 and words[-1].isdigit() and shell.source.text[end : end + 1] in {"<", ">"}:
        # the parser takes the descriptor of the next redirection for one more word
        words.pop()
    number = next((c for c in node.named_children if c.type == "file_descriptor"), None)
    descriptor = _text(shell, number) if number is not None else ""
    if heredoc is not None:
        return Redirect("<<<", shell.expand_heredoc(heredoc), heredoc, words[1:])
    if operator == "<<<":
        text = shell.expander.text(words[0]) + "\n" if words else ""
        return Redirect("<<<", text, None, words[1:])
    target = shell.expander.text(words[0]) if words else ""
    return Redirect(operator, target, None, words[1:], descriptor)


def doubt_syntax(shell: "Shell", root: Node) -> None:
    """Note where a text does not parse."""
    bad = _first_error(root)
    if shell.depth == 1 and bad is not None:
        shell.span = (bad.start_byte, bad.end_byte)
    shell.doubt("text that does not parse as shell", "command.parse_error")


def _first_error(node: Node) -> Node | None:
    for _ in range(_MAX_ERROR_DEPTH):
        if node.type == "ERROR" or node.is_missing:
            return node
        bad = next((child for child in node.children if child.has_error), None)
        if bad is None:
            return node
        node = bad
    return node


_WALKS: Final[dict[str, Walk]] = {
    "command": _command,
    "list": _list,
    "pipeline": _pipeline,
    "redirected_statement": _redirected,
    "subshell": _subshell,
    "if_statement": _if,
    "case_statement": _conditional,
    "while_statement": _loop,
    "for_statement": _for,
    "c_style_for_statement": _c_for,
    "function_definition": _function,
    "variable_assignment": _assign_statement,
    "variable_assignments": _assign_statement,
    "declaration_command": _assign_statement,
    "unset_command": _nothing,
    "test_command": _test,
    "comment": _nothing,
    "ERROR": _error,
}
