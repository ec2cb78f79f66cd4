"""Code in Perl, Ruby, JavaScript, PHP and their kin, searched for what its calls do."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.mild import is_passing_store
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.statements import is_statements
from stopper.detect.commands.taint import UNKNOWN, unmark
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["MAX_LITERALS", "STRING", "literal", "note_leak", "note_orm", "note_picked", "scan"]

MAX_LITERALS: Final = 200
_MAX_DECODED: Final = 3
STRING: Final = r"""(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`)"""
_JOINED: Final = lazy(
    r"""(["'`])(?:\s*(?:\+|\.\.|<<)\s*|\s+\.\s+)\1|(?<=[^\s,(\[{=:])(["'`])\s*\.(?!\w)\s*\2"""
)
_WORD_LISTS: Final = lazy(r"\*?(?:%[wW]|qw)[\[({<|]([^\])}>|\"']{0,300})[\])}>|]")
"""`%w[rm -rf a]`: words that a call is given as its arguments."""
_RUNS: Final = lazy(
    r"\b(?:system|exec|popen|passthru|shell_exec|proc_open|pcntl_exec|execSync|execFileSync"
    r"|spawnSync|spawn|execFile|execa\w*|execute|capture[23]e?|capture2|do shell script|fork_exec"
    r"|Process|shell|sh|cmd|command|Command|shell-command|call-process|start-process|shellescape"
    r"|run-program|run_command|getoutput|ProcessBuilder|check_output|shell_output|new-process|run)"
    rf"\b!?\s*+[(\[{{]*+\s*+(?:nil\s+\S+\s+)?(?:\[\s*)?(?:String\.raw)?{STRING}"
    rf"((?:\s*+,?+\s*+\[?+\s*+{STRING})*)"
)
_EXECUTED: Final = lazy(
    rf"{STRING}\s*\.(?:execute\(\)|!|lineStream|run\(\))|\$\s*`((?:[^`\\]|\\.)*)`"
)
_BACKTICKS: Final = lazy(
    r"`([^`]+)`|(?:%x|qx)\s*(?:\{([^}]*)\}|\(([^)]*)\)|\[([^\]]*)\]|([/|!#])(.*?)\5)"
)
_DELETES: Final = lazy(
    r"\b(?:unlink(?:Sync)?|rmtree|remove_tree|rm_rf|rm_r|rm_f|remove_dir"
    r"|rm_tree|rmSync|rmdirSync|rmdir|removeSync"
    rf"|delete_if_exists|deltree|unlinkr?|remove_entry(?:_secure)?|emptyDirSync)\b\s*\(?\s*(?:gl"
    rf"ob\s*\(?\s*)?{STRING}"
    rf"|\b(?:File\.delete|fs\.(?:promises\.)?rm|FileUtils\.rm|Deno\.remove(?:Sync)?|os\.remove"
    rf"|Dir\.(?:delete|rmdir|unlink)|file\.remove|Pathname\.new)\s*\(?\s*{STRING}"
)
_EACH_DELETED: Final = lazy(
    rf"(?:array_map|map|each|unlink|delete)\b.{{0,40}}\bglob\s*\(?\s*{STRING}"
    rf"|Dir\.glob\s*\(?\s*{STRING}.{{0,40}}(?:delete|unlink|rm)"
)
_WRITES: Final = lazy(
    r"\b(?:writeFile(?:Sync)?|appendFile(?:Sync)?|file_put_contents|File\.write"
    r"|IO\.write|writeTextFile(?:Sync)?"
    rf"|truncateSync)\s*\(?\s*{STRING}"
)
_OPENS: Final = lazy(
    r"""\bopen\s*\(?\s*(?:my\s*)?[\w$]+\s*,\s*["'](?P<mode>[+>]+)\s*(?:["']\s*,\s*["'])?(?P<path>[^"']+)
      |\b(?:fopen|File\.(?:open|new)|io\.open|createWriteStream|openSync)\s*\(?\s*["'](?P<name>[^"']+)["']
       (?:\s*,\s*["'](?P<how>[rwax+bt]+)|\s*\))""",
    re.VERBOSE,
)
_CHMODS: Final = lazy(
    r"""\bchmod(?:Sync|_R)?\s*\(?\s*(?:(?P<mode>0?o?[0-7]{3,5})\s*,\s*["'](?P<path>[^"']+)
      |["'](?P<name>[^"']+)["']\s*,\s*["']?(?P<bits>0?o?[0-7]{3,5}))""",
    re.VERBOSE,
)
_QUERIES: Final = lazy(
    rf"(?:\.|->|::)(?:query|execute|exec|raw|run|prepare|unprepared|statement"
    rf"|\$executeRaw\w*)\s*\(\s*{STRING}"
)
_ORM: Final = lazy(
    r"\bobjects(?:\.all\(\))?\.delete\(\)|^(?!.*\bwhere\b).*\.(?:delete_all|destroy_all)\b"
    r"|\.deleteMany\(\s*(?:\{\s*\})?\s*\)|(?:::|->)truncate\(\)|::query\(\)->delete\(\)"
    r"|DB::table\([^)]{0,99}\)->(?:delete|truncate)\(\)|\bdrop_all\(\)|\.drop_database\("
    r"|\.sync\(\{\s*force:\s*true",
    re.MULTILINE,
)
_SCRIPTED: Final = (
    (EffectKind.PERSISTENCE, "command.runs_later", r"\bmake\b.{0,20}\blogin item"),
    (EffectKind.PRIVILEGE, "command.as_root", r"with administrator privileges"),
    (EffectKind.CREDENTIAL_READ, "command.asks_password", r"hidden answer"),
    (
        EffectKind.DELETE,
        "command.deletes",
        r"\b(?:empty (?:the )?trash|delete \(?(?:every|all|folder|disk)|delete\b.{0,40}\bhome\b)",
    ),
    (
        EffectKind.INFRASTRUCTURE,
        "command.stops_machine",
        r"\bto (?:shut down|restart|log out|sleep)\b",
    ),
)
_LITERAL: Final = lazy(STRING)
_SOCKET: Final = lazy(
    r"fsockopen|require\(['\"](?:node:)?net['\"]\)|IO::Socket|TCPSocket|\bSocket\b"
    r"|net\.(?:connect|Socket|createConnection)"
    r"|socket\.(?:tcp|socket|connect)|/inet/tcp/|stream_socket_client|pfsockopen|use Socket"
)
_SHELLISH: Final = lazy(
    r"/bin/(?:ba|z|da|c|k)?sh|\bexec\b|\bspawn\b|\bsystem\b|popen|proc_open|shell_exec|cmd\.exe"
    r"|['\"](?:ba|z)?sh['\"]|dup2|os\.execute|getline|`(?:\$|#\{)|qx\b|%x|\bcmd\b|Open3|Kernel"
)
_NETWORK: Final = lazy(
    r"https?[.:]|require\(['\"](?:node:)?(?:https?2?|tls|dgram|dns)['\"]|fetch\s*\(|axios|Net::HTTP|LWP|curl_|file_get_contents\(['\"]http|\bnet\b|HTTP::"
    r"|open-uri|Socket"
)
_MANY: Final = lazy(r"(?:~|/home/|/root/|/Users/)[^*]{0,200}\*")
"""Many files of somebody."""
_SENDS: Final = lazy(r"(?i:\bpost\b|\bput\b|\.post|\.put|post_form|send)|\bbody:|\bdata:")
_FETCHED: Final = lazy(
    r"(?:https?['\"]?\)?\.(?:get|request)|fetch)\s{0,9}\(.{0,4000}(?:\beval\s*\(|new Function)"
    r"|\bget\s{0,9}\(\s{0,9}['\"]https?://.{0,999}\beval\b"
    r"|\beval\b.{0,999}(?:https?://|fetch\(|URI\.open|open\(['\"]http|LWP|get\()"
    r"|\binclude\s*\(?['\"]https?://"
    r"|\b(?:source|source_url|sys\.source)\s{0,9}\(\s{0,9}(?:url\(\s{0,9})?['\"]https?://"
    r"|\binstall\.packages\s{0,9}\([^)]{0,400}\brepos\s{0,9}=\s{0,9}['\"](?!https?://(?:[\w-]{1,60}\.){0,4}"
    r"(?:r-project\.org|rstudio\.com|posit\.co|bioconductor\.org|r-universe\.dev)\b)https?://",
    re.DOTALL,
)
_FORKS: Final = lazy(
    r"fork(?:\s{0,9}\(\))?\s{1,9}while\s{0,9}\(?\s{0,9}(?:fork|1|true)|while\s{0,9}\(?\s{0,9}(?"
    r":1|true|:)\s{0,9}\)?\s{0,9}[{;]?.{0,40}\bfork\b"
    r"|loop\s*(?:do|\{).{0,40}\bfork\b|fork\s{0,9}(?:\(\)\s{0,9})?(?:,\s{0,9})?redo"
    r"|for\s*\(;;\)\s*\{?.{0,40}(?:fork|spawn)"
    r"|while\s*\((?:1|true)\).{0,60}(?:spawn|fork|exec)\("
    r"|while true do\s.{0,60}(?:execute|popen)\("
    r"|setInterval\(.{0,200}\b(?:spawn|fork|exec|execFile)\(.{0,200},\s{0,9}\d{1,2}\s{0,9}\)"
    r"|\bfork\(\s*__filename|spawn\(\s*process\.(?:execPath|argv)"
    r"|while\s*\(\s*(?:1|true)\s*\)[^;]{0,9}.{0,60}(?:\.push\(|\+=|Buffer\.alloc)"
    r"|(?:\.=|\bpush\b).{0,60}\bwhile\s*\(?\s*1"
    r"|\$0.{0,200}\bfork\b.{0,200}\$0",
    re.DOTALL,
)
_DECODED: Final = lazy(
    rf"(?:base64_decode|atob|decode64|decode_base64|Buffer\.from|b64decode"
    rf"|gzinflate|unpack)\s*\(?\s*{STRING}"
)
_HEXED: Final = lazy(rf"(?:hex2bin|pack)\s*\(?\s*(?:['\"]H\*['\"]\s*,\s*)?{STRING}")


_ENV_PICKED: Final = lazy(
    r"(?:os\.environ\.items\(\)|\.entries\(process\.env\)|\bENV\.(?:select|each\w{0,5}|filter|find_all|to_h)\b"
    r"|\bos\.environ\[\w{1,20}\]|\bprocess\.env\[\w{1,20}\]|\$ENV\{\$_\})"
    r"[^;\n]{0,120}(?:\bif\b|filter|\{|~|grep)[^;\n]{0,60}(?:KEY|SECRET|TOKEN|PASS|key|secret|token|pass)"
)
"""Credentials picked from the environment by their names, with what they hold."""
_ENV_HIDDEN: Final = lazy(
    r"\*{3}|\[:\d|\.slice\(|\.length\b|\blen\(|\bbool\(|\.pop\(|\bdel\b|delete\b"
)
_EVALS: Final = lazy(
    rf"(?<![\w.])(?:eval|instance_eval|class_eval|Code\.eval_string|loadstring|load|assert|EVAL"
    rf"|new Function|Function|vm\.run\w{{2,20}}|create_function)\b\s{{0,9}}\(?\s{{0,9}}{STRING}"
)


def scan(shell: "Shell", code: str, language: str, depth: int = 0) -> None:
    """Look for calls with literal arguments, in any language."""
    code = _WORD_LISTS.sub(r'"\1"', _JOINED.sub("", code))
    for match in list(_RUNS.finditer(code))[:MAX_LITERALS]:
        groups = match.groups()
        first, rest = literal(groups[:3]), match[4] or ""
        if (language == "node" and _is_word(code, match)) or is_statements(first):
            continue  # a word in a text, or what a database runs
        words = [_home(shell, literal(more.groups())) for more in _LITERAL.finditer(rest)]
        if words and " " not in first:
            shell.run_argv([first, *words])
        else:
            shell.run_code(first, f"a command that {language} runs")
    for match in list(_EXECUTED.finditer(code))[:MAX_LITERALS]:
        text = literal(match.groups())
        shell.run_code(text, f"a command that {language} runs")
    if language in {"perl", "ruby", "php", "julia", "crystal"}:
        for match in list(_BACKTICKS.finditer(code))[:MAX_LITERALS]:
            text = next((g for g in match.groups() if g and len(g) > 1), "")
            shell.run_code(text, f"a command that {language} runs")
    _note_deletes(shell, code)
    queries = () if is_passing_store(code) else list(_QUERIES.finditer(code))[:MAX_LITERALS]
    for match in queries:
        note_sql(shell, literal(match.groups()), None)
    note_orm(shell, code, language)
    _note_files(shell, code)
    _note_shape(shell, code, language)
    if depth < _MAX_DECODED:
        for match in list(_EVALS.finditer(code))[:MAX_LITERALS]:
            scan(shell, literal(match.groups()), language, depth + 1)
        _scan_encoded(shell, code, language, depth)


def _is_word(code: str, match: re.Match[str]) -> bool:
    """Whether no bracket stands behind a name, nor a template: JavaScript calls by nothing else."""
    start = max(match.start(1), match.start(2))
    return start >= 0 and "(" not in code[match.start() : start]


def _note_deletes(shell: "Shell", code: str) -> None:
    """Files that are deleted or written whole."""
    for match in list(_DELETES.finditer(code))[:MAX_LITERALS]:
        tree = re.search(r"r[fd]|tree|Sync|fs\.|Deno|remove|recursive", match[0]) is not None
        path = literal(match.groups()).replace("#{Dir.home}", shell.places.home)
        note_delete(shell, _home(shell, path), recursive=tree)
    for match in list(_EACH_DELETED.finditer(code))[:MAX_LITERALS]:
        note_delete(shell, _home(shell, literal(match.groups())), recursive=True)
    for match in list(_WRITES.finditer(code))[:MAX_LITERALS]:
        note_write(shell, _home(shell, literal(match.groups())), UNKNOWN)


def _note_files(shell: "Shell", code: str) -> None:
    """Files that are opened to be written, and modes that are set."""
    for match in list(_OPENS.finditer(code))[:MAX_LITERALS]:
        mode = match["mode"] or match["how"] or ("w" if "createWrite" in match[0] else "r")
        if any(sign in mode for sign in ">wax+"):
            path = _home(shell, match["path"] or match["name"])
            note_write(shell, path, UNKNOWN, append=mode.startswith((">>", "a")))
    for match in list(_CHMODS.finditer(code))[:MAX_LITERALS]:
        mode, path = match["mode"] or match["bits"], match["path"] or match["name"]
        shell.run_argv(["chmod", mode.replace("o", ""), _home(shell, path)])


def _scan_encoded(shell: "Shell", code: str, language: str, depth: int) -> None:
    """Literals that the code decodes."""
    for match in list(_DECODED.finditer(code))[:MAX_LITERALS]:
        _scan_decoded(shell, literal(match.groups()), language, depth)
    for match in list(_HEXED.finditer(code))[:MAX_LITERALS]:
        digits = re.sub(r"[^0-9a-fA-F]", "", literal(match.groups()))
        text = bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "replace")
        scan(shell, text, language, depth + 1)
        shell.run_code(text, "decoded code") if text.isprintable() and text else None


def _scan_decoded(shell: "Shell", text: str, language: str, depth: int) -> None:
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text)
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    decoded = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")
    if not decoded.isprintable() and "\n" not in decoded:
        return
    scan(shell, decoded, language, depth + 1)
    shell.run_code(unmark(decoded), "decoded code")


def _note_shape(shell: "Shell", code: str, language: str) -> None:
    """What the code as a whole looks like: a reverse shell, a fork bomb, a leak."""
    if _SOCKET.search(code) and _SHELLISH.search(code):
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.reverse_shell")
    if language == "osascript":
        _note_script(shell, code)
    if _FORKS.search(code):
        shell.add(EffectKind.FORK_BOMB, language, Scope.ROOT, "command.fork_bomb")
    if _FETCHED.search(code):
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.runs_remote_code")
    note_leak(shell, code, language)


def note_leak(shell: "Shell", code: str, language: str) -> None:
    """Credentials that code names, or the environment, where it talks to the network."""
    literals = [literal(match.groups()) for match in list(_LITERAL.finditer(code))[:MAX_LITERALS]]
    secret = [text for text in literals if "/" in text and is_secret_path(text)]
    secret += [text for text in literals if text.startswith(".env") and is_secret_path("/" + text)]
    for path in secret:
        note_read(shell, path)
    whole = re.search(r"JSON\.stringify\(process\.env\)|ENV\.to_[ha]|print_r\(\$_ENV|%ENV", code)
    secret += [text for text in literals if text in {"/etc/passwd", "/etc/group"}]
    many = any(_MANY.match(text) for text in literals) and _SENDS.search(code)
    if (secret or whole or many) and _NETWORK.search(code):
        shell.add(EffectKind.EXFILTRATE, language, Scope.REMOTE, "command.sends_credential")


def note_picked(shell: "Shell", code: str, language: str) -> None:
    """Credentials that code prints from its environment, picked by their names."""
    if _ENV_PICKED.search(code) and not _ENV_HIDDEN.search(code):
        shell.note_secret(language, Scope.WORKSPACE, "command.prints_credential")


def _note_script(shell: "Shell", code: str) -> None:
    """What AppleScript asks of other programs."""
    for kind, reason, shape in _SCRIPTED:
        if re.search(shape, code):
            shell.add(kind, "osascript", Scope.HOME, reason)


def literal(groups: tuple[str | None, ...]) -> str:
    """The text of a literal that `STRING` found, escapes undone."""
    text = next((group for group in groups if group is not None), "")
    return ansi_c(text) if "\\" in text else text


def _home(shell: "Shell", path: str) -> str:
    if path.startswith("~"):
        return shell.places.home + path[1:]
    return path.replace("$HOME", shell.places.home)


def note_orm(shell: "Shell", code: str, who: str) -> None:
    """Calls by which an object mapper empties a whole table."""
    if _ORM.search(code) and not is_passing_store(code):
        shell.add(EffectKind.DATABASE, who, Scope.REMOTE, "command.database_destroys")
