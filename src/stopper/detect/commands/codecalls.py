"""Calls in code of any language that destroy, fetch and run, or read, by their names."""

import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import TextRule, load_commands
from stopper.detect.commands.apis import note_request
from stopper.detect.commands.mild import is_passing_store, names_scratch
from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.taint import UNKNOWN
from stopper.detect.commands.writes import note_delete, note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["home_literals", "note_calls"]

_BLANKS: Final = lazy(r"[ \t]{2,}")
_MAX_CALLS: Final = 200
_TEXT = r"""(?:"([^"\\\n]{1,260})"|'([^'\\\n]{1,260})'|`([^`\\\n]{1,260})`)"""
_HOME: Final = lazy(
    r"(?:require\(['\"](?:node:)?os['\"]\)|\bos)\.homedir\(\)|\bhomedir\(\)"
    r"|process\.env(?:\.HOME\b|\[['\"]HOME['\"]\])"
    r"|\bDir\.home(?:\(\))?|ENV(?:\.fetch\(|\[)['\"]HOME['\"][\])]|\$ENV\{['\"]?HOME['\"]?\}"
    r"|getenv\(['\"]HOME['\"]\)|\$_(?:SERVER|ENV)\[['\"]HOME['\"]\]"
    r"|System\.getProperty\(['\"]user\.home['\"]\)|os\.getenv\(['\"]HOME['\"]\)"
    r"|Sys\.getenv\(['\"]HOME['\"]\)|NSHomeDirectory\(\)|homedir\(\)|System\.user_home!?(?:\(\)"
    r")?"
)
_JOIN: Final = lazy(
    r"(?:\w{1,20}\.)?(?:join|resolve)\(\s{0,9}\"~\"((?:\s{0,9},\s{0,9}['\"`][^'\"`\n]{0,200}['\"`]){1,6})"
    r"\s{0,9}\)"
)
_QUOTED: Final = lazy(r"['\"`]([^'\"`\n]{0,200})['\"`]")
_GLUED: Final = lazy(r"\"~\"\s{0,9}(?:\+|\.(?!\w)|<>|\.\.)\s{0,9}['\"`]([^'\"`\n]{0,200})['\"`]")
_DELETES: Final = lazy(
    r"(?<![\w$])((?:\w{1,40}[.:]{1,2}){0,4}(?:delete|remove|unlink|rmtree"
    r"|rmdir|rm|deltree|erase|wipe|trash)[\w!/-]{0,30}"
    r"|(?:File|Files|FileUtils|FileManager\.default|fs|fsp|Deno|Dir|Directory"
    r"|Pathname|promises|shutil|Path|IO)\.\w{0,20}(?:delete|remove|rm)\w{0,20}"
    r"|file delete(?: -force)?(?: --)?)"
    rf"\s{{0,9}}[(\s]\s{{0,9}}(?:\w{{1,20}}:\s{{0,9}}|new File\(|Path\.of\("
    rf"|Paths\.get\(|URL\(fileURLWithPath:\s{{0,9}})?(?:{_TEXT}|([/~][\w./*~-]{{1,200}}))",
)
_OWNED: Final = lazy(
    rf"(?:new File|Path|Paths\.get|Pathname\.new|Pathname|IO::Path\.new|File"
    rf"|Dir|path)\(?\s{{0,9}}{_TEXT}\s{{0,9}}\)?\.(?:IO\.)?"
    r"(?:deleteDir|deleteRecursively|delete|rmtree|unlink|remove|rmdir|rm_rf"
    r"|toFile\(\)\.delete)\w{0,20}"
)
_ROUTE: Final = lazy(r"(?:^|[.:])(?:delete|remove|deleteAll)$")
_FILES: Final = lazy(
    r"^(?:[\w:.]{0,60}\.)?(?:File|Files|FileUtils|fs|fsp|Deno|Dir|Directory"
    r"|Pathname|promises|shutil|os|IO|FileManager\.default)[.:]{1,2}\w+!?$"
)
_LISTS: Final = lazy(
    r"\b(?:readdir\w*|opendir|glob\w*|rglob|walk\w*|listdir|scandir|find"
    r"|finddepth|children|each_child|entries|list\.files|\w*DirectoryIterator"
    rf"|Find\.find|listFiles|list_files|ls|dir|Dir\[?|Path|Pathname\.new|File)\b\s{{0,9}}[(\[\s]"
    rf"?[^\n;\"'`]{{0,60}}?{_TEXT}"
)
_DELETING: Final = lazy(
    r"\b(?:unlink\w*|rmtree|rmSync|rmdir\w*|remove_tree|rm_rf?|rm_f|remove_entry\w*"
    r"|deleteRecursively|file\.remove|os\.remove|fs\.rm|File\.delete|FileUtils\.rm\w*)\b"
)
_MODES: Final = lazy(r"\b(?:chmod\w*|lchmod|chown\w*|setPosixFilePermissions)\b")
_WRITING: Final = lazy(
    r"\b(?:writeFile\w*|write_(?:text|bytes)|file_put_contents|truncate\w*|WriteAll\w+)\b"
)
_FETCH: Final = lazy(
    r"urlopen|urlretrieve|requests\.(?:get|post|request)|httpx\.(?:get|post"
    r"|stream)|\bfetch\s{0,9}\(|https?['\"]?\)?\.get|\baxios\b|\bgot\(|Net::HTTP"
    r"|open-uri|URI\.open|\bLWP\b|\bgetstore\(|HTTP::Tiny"
    r"|file_get_contents\(\s{0,9}['\"]https?|fopen\(\s{0,9}['\"]https?|curl_exec"
    r"|\bcurl\s|\bwget\s|new URL\(|URI\(['\"]http|Faraday|HTTParty|RestClient"
    r"|socket\.http|http\.request|HTTPConnection|\.recv\(|URLSession|slurp\s{0,9}\(?\s{0,9}['\""
    r"]https?"
    r"|Invoke-WebRequest|download\.file|url\(['\"]https?|Downloads\.download"
    r"|httpc[:.]request|hackney|Finch\.|Mint\.HTTP|ureq|reqwest|url-retrieve|HTTPoison|Req\.get|ftplib|copy\(\s{0,9}[\'\"]https?"
)
_EVALS: Final = lazy(
    r"(?<![\w.])(?:eval|exec|execfile|evaluate|loadstring|load|dofile|assert"
    r"|create_function|source|parse|include_string|EVAL|read-string|load-string)\s{0,9}[(\s]\s{"
    r"0,9}(?!\s|['\"]|\))|\bnew Function\s{0,9}\(|[^.\w]Function\s{0,9}\("
    r"|\b(?:c?pickle|marshal|dill|cloudpickle|joblib)\.loads?\(|yaml\.(?:unsafe_)?load\("
    r"|Marshal\.load|instance_eval|class_eval|binding\.eval|vm\.(?:run\w*"
    r"|Script|compileFunction)|require\(['\"]vm['\"]\)|\.then\(\s{0,9}eval\s{0,9}\)"
    r"|_compile\("
    r"|\bCode\.(?:eval|compile)_\w+|eval-(?:buffer|region)|load-file|\(eval\s|runInThisContext|runInNewContext|importlib\.util"
    r"|import\(\s{0,9}['\"]?(?:data:|https?:)|\|\s{0,9}(?:ba|z)?sh\b"
)
_RUNS: Final = lazy(
    r"os\.(?:system|popen|exec\w*|spawn\w*|startfile)\(|subprocess\.|child_process"
    r"|\bsystem\s{0,9}\(|\bspawn\w*\(|\bexec\w*\(|\bexec\s{1,9}['\"]|popen|shell_exec|passthru|`[^`\n]+`"
    r"|Kernel\.|Process\.|runtime\.exec|os\.execute"
)
_FETCHED: Final = lazy(
    r"\b(?:system|exec|passthru|shell_exec|popen|proc_open|execSync|spawnSync|run|call|check_output"
    r"|getoutput)\s{0,9}[(\s]\s{0,9}[^;\n'\"]{0,60}(?:urlopen|requests\.get"
    r"|file_get_contents\(\s{0,9}['\"]"
    r"http|Net::HTTP\.get|URI\.open|open\(['\"]http|\bget\(['\"]http)"
)
"""What is fetched and run in one call."""
_CHMOD_RUN: Final = lazy(
    r"chmod\w*\s{0,9}\(?[^\n;]{0,120}(?:0o?[1357][0-7]{2}|\+x|493|448|511|S_I)"
)
_SAVED: Final = lazy(
    r"(?:urlretrieve|download\.file|downloads\.download)\([^,\n]{1,300},\s{0,9}(?:destfile\s{0,"
    r"9}=\s{0,9})?"
    r"['\"]([^'\"\n]{1,200})['\"]|(?:open|writeFile\w*|file_put_contents"
    r"|createWriteStream|File\.(?:write|open)|IO\.(?:write|copy_stream))\s{0,9}\(\s{0,9}['\"](["
    r"^'\"\n]{"
    r"1,200})['\"]|\b(?:getstore|mirror|copy_stream|copy|writeFile\w{0,4})\([^\n;]{1,300}?,\s{0,9}"
    r"['\"]([~./][^'\"\n]{1,200})['\"]",
    re.IGNORECASE,
)
_DATABASES: Final = lazy(
    r"psycopg|pymysql|mysql|sqlite3|sqlalchemy|asyncpg|['\"]pg['\"]|knex"
    r"|sequelize|\bPDO\b|\bDBI\b|ActiveRecord|Sequel\b|cassandra|clickhouse"
    r"|pyodbc|cx_Oracle|oracledb|duckdb|snowflake|bigquery|mysqli|pg_query"
    r"|postgres|typeorm|drizzle|luasql|database/sql|JDBC|DriverManager|better-sqlite"
    r"|peewee|django\.db|\.execute|\.query",
    re.IGNORECASE,
)
_SQL: Final = lazy(
    r"\s{0,9}(?:drop|truncate|delete|update|alter|grant|create\s{1,9}user|revoke)\b", re.IGNORECASE
)
_LITERAL: Final = lazy(_TEXT)
_REQUESTED: Final = lazy(
    r"\b(?:requests|httpx|axios|client|session|http|got|ky|RestClient|HTTParty|needle|superagent"
    rf"|request)\.(?P<verb>delete|put|patch|post)\(\s*f?{_TEXT}(?P<rest>[^;\n]{{0,300}})"
    rf"|\bfetch\(\s*{_TEXT}(?P<told>[^;]{{0,200}}?method['\"]?\s*:\s*['\"](?P<method>\w{{3,7}})['\"]"
    r"[^;]{0,200})"
    rf"|\b(?:requests|httpx)\.request\(\s*['\"](?P<named>\w{{3,7}})['\"]\s*,\s*f?{_TEXT}",
    re.IGNORECASE,
)
_ADDRESS: Final = lazy(r"https?://(?:[^/@\s]{0,100}@)?([^/:\s]+)", re.IGNORECASE)
_BAD: Final = frozenset({Scope.ROOT, Scope.HOME, Scope.OUTSIDE, Scope.WHOLE_WORKSPACE})


def _rules() -> tuple[tuple[TextRule, re.Pattern[str], re.Pattern[str]], ...]:
    return tuple(
        (rule, lazy(rule.needs), lazy(rule.without or r"(?!)")) for rule in load_commands().code
    )


_RULES: Final = _rules()


def home_literals(code: str) -> str:
    """The code with every way to name the home folder written as `"~"`, joined to what follows."""
    if "ome" not in code and "HOME" not in code:
        return code
    code = _HOME.sub('"~"', code)
    return _GLUED.sub(_under_home, _JOIN.sub(_parts_under_home, code))


def note_calls(shell: "Shell", code: str, language: str) -> None:
    """Note what the calls in some code do, whatever its language."""
    code = _BLANKS.sub(" ", code)
    for rule, needs, without in _RULES:
        if needs.search(code) and not without.search(code):
            shell.add(EffectKind(rule.effect), language, Scope(rule.scope), rule.reason)
    if language != "python":
        _note_deletes(shell, code)
    _note_listed(shell, code)
    _note_fetched(shell, code, language)
    _note_queries(shell, code)
    for match in list(_REQUESTED.finditer(code))[:_MAX_CALLS]:
        _note_requested(shell, match)


def _note_requested(shell: "Shell", match: re.Match[str]) -> None:
    """A request to what keeps or runs something."""
    url = next((group for group in match.groups() if group and _ADDRESS.match(group)), "")
    host = _ADDRESS.match(url)
    if host is not None:
        method = match["verb"] or match["method"] or match["named"]
        body = match["rest"] or match["told"] or ""
        note_request(shell, method, url, host[1].lower(), (body,))


def _parts_under_home(match: re.Match[str]) -> str:
    parts = [part.strip("/") for part in _QUOTED.findall(match[1])]
    return '"' + "/".join(("~", *parts)) + '"'


def _under_home(match: re.Match[str]) -> str:
    return '"~/' + match[1].lstrip("/") + '"'


def _note_deletes(shell: "Shell", code: str) -> None:
    for match in list(_DELETES.finditer(code))[:_MAX_CALLS]:
        name = match[1]
        path = next((group for group in match.groups()[1:] if group), "")
        owned = code[match.start() - 1 : match.start()] == "." or "." in name
        if path[:1] in "/~" and not (owned and _ROUTE.search(name) and not _FILES.match(name)):
            _delete(shell, path)
    for match in list(_OWNED.finditer(code))[:_MAX_CALLS]:
        _delete(shell, next((group for group in match.groups() if group), ""))


def _delete(shell: "Shell", path: str) -> None:
    full = _home(shell, path)
    if full[:1] == "/" and shell.places.scope(full, shell.cwd) in _BAD:
        note_delete(shell, full, recursive=True)


def _note_listed(shell: "Shell", code: str) -> None:
    """What is done to each file of a folder that the code lists."""
    deletes, modes, writes = _DELETING.search(code), _MODES.search(code), _WRITING.search(code)
    if not (deletes or modes or writes):
        return
    for match in list(_LISTS.finditer(code))[:_MAX_CALLS]:
        path = _home(shell, next((group for group in match.groups() if group), ""))
        if path[:1] != "/" or shell.places.scope(path, shell.cwd) not in _BAD:
            continue
        if deletes:
            note_delete(shell, path, recursive=True)
        if modes:
            scope = shell.places.scope(path, shell.cwd)
            shell.add(EffectKind.PERMISSIONS, path, scope, "command.changes_permissions")
        if writes:
            note_write(shell, path, UNKNOWN)


def _note_fetched(shell: "Shell", code: str, language: str) -> None:
    if _FETCH.search(code) is None:
        return
    runs = _RUNS.search(code) is not None
    saved = [match[1] or match[2] or match[3] for match in list(_SAVED.finditer(code))[:_MAX_CALLS]]
    started = runs and any(
        path and len(path) > 1 and code.count(path) > 1 and _started(code, path) for path in saved
    )
    if (
        _EVALS.search(code)
        or _FETCHED.search(code)
        or started
        or (runs and _CHMOD_RUN.search(code))
    ):
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.runs_remote_code")


def _started(code: str, path: str) -> bool:
    """Whether a saved file is run: named again behind a call that runs."""
    place = code.rfind(path)
    before = code[max(0, place - 120) : place]
    return _RUNS.search(before) is not None


def _note_queries(shell: "Shell", code: str) -> None:
    if _DATABASES.search(code) is None or is_passing_store(code) or names_scratch(shell, code):
        return
    for match in list(_LITERAL.finditer(code))[:_MAX_CALLS]:
        text = next((group for group in match.groups() if group), "")
        if _SQL.match(text):
            note_sql(shell, text, None)


def _home(shell: "Shell", path: str) -> str:
    if path[:1] == "~":
        return shell.places.home + path[1:]
    return path.replace("$HOME", shell.places.home)
