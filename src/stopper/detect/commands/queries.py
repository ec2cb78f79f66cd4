"""Database clients: what they are asked to run."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.mild import is_numbered, is_scratch
from stopper.detect.commands.options import read_options
from stopper.detect.commands.stages import is_near, is_own, is_tested
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.writes import note_read
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy
from stopper.detect.sql import judge_sql

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "note_redis", "note_sql"]

_DIALECTS: Final = {
    "psql": "postgres", "pgcli": "postgres", "cockroach": "postgres", "redshift": "postgres",
    "mysql": "mysql", "mariadb": "mysql", "mycli": "mysql", "mysqlsh": "mysql",
    "sqlite3": "sqlite", "sqlite": "sqlite", "litecli": "sqlite", "duckdb": "duckdb",
    "sqlcmd": "tsql", "bcp": "tsql", "clickhouse-client": "clickhouse",
    "clickhouse": "clickhouse", "snowsql": "snowflake", "snow": "snowflake", "bq": "bigquery",
    "spark-sql": "spark", "beeline": "hive", "hive": "hive", "trino": "trino", "presto": "presto",
    "impala-shell": "hive", "cqlsh": None, "sqlplus": "oracle", "usql": None, "isql": None,
    "influx": None, "turso": "sqlite", "wrangler": "sqlite", "osql": "tsql", "psql16": "postgres",
    "pgsql": "postgres", "vsql": "postgres", "nzsql": "postgres", "gpsql": "postgres",
    "ysqlsh": "postgres", "edgedb": None, "dolt": "mysql", "ksql": None, "ksqldb-cli": None,
    "drill": None, "phoenix": None, "dbsqlcli": "databricks", "databricks-sql": None,
    "sqlite-utils": "sqlite", "iredis": None, "mssql-cli": "tsql", "tsql": "tsql", "db2": None,
    "monetdb": None, "mclient": None, "harlequin": None, "usqlsh": None, "rqlite": "sqlite",
    "cypher-shell": None, "pgbench": "postgres", "timescaledb": "postgres",
}  # fmt: skip
_TEXT_OPTIONS: Final = {
    "postgres": ("-c", "--command"),
    "mysql": ("-e", "--execute", "--sql"),
    "sqlite": ("-cmd", "--command"),
    "tsql": ("-Q", "-q"),
    "clickhouse": ("-q", "--query", "-n"),
    "snowflake": ("-q", "--query"),
}
_FILED: Final = frozenset({"sqlite", "duckdb"})
_ANY_TEXT: Final = ("-execute", "-e", "-q", "-c", "--execute", "--query", "--command", "-f")
_VALUES: Final = frozenset(
    {
        "-c", "--command", "-e", "-execute", "--execute", "-q", "-Q", "--query", "-U", "--username",
        "-u", "--user", "-h", "--host", "-p", "--port", "-P", "-d", "--dbname", "-D", "--database",
        "-f", "--file", "-S", "--server", "-v", "--set", "-o", "--output", "-cmd", "--sql", "-w",
        "-W", "-F", "-R", "-L", "-T",
    }
)  # fmt: skip
_MONGO: Final = lazy(
    r"\.(?:drop(?:Database|Collection|Indexes?|User|AllUsersFromDatabase)?|deleteMany|remove"
    r"|shutdownServer|deleteOne|findOneAndDelete|updateMany|renameCollection)\s*\((?P<filter>[^)]*)"
)
_MONGO_GRAVE: Final = tuple(
    (kind, reason, lazy(shape))
    for kind, reason, shape in (
        (
            EffectKind.PRIVILEGE,
            "command.grants_rights",
            (
                r"\.(?:createUser|updateUser|grantRolesToUser|changeUserPassword"
                r"|createRole|grantPrivilegesToRole)\("
                r"|\b(?:createUser|updateUser|grantRolesToUser|createRole|updateRole)['\"]?\s{0,9}:"
            ),
        ),
        (
            EffectKind.CREDENTIAL_READ,
            "command.prints_credential",
            r"showCredentials|system\.users\b|getUsers\(",
        ),
        (
            EffectKind.DATABASE,
            "command.database_destroys",
            (
                r"\[[^\]]{1,60}\]\.(?:drop|deleteMany|remove)\(|\b(?:dropDatabase"
                r"|drop|shutdown|dropIndexes|dropAllUsersFromDatabase"
                r"|dropUser|removeShard|replSetReconfig|fsync|truncate|compact|cloneCollectionAsCapped"
                r"|convertToCapped|collMod|renameCollection)['\"]?\s{0,9}:\s{0,9}(?:1|true|['\"])"
                r"|\.(?:dropRole|dropAllRoles|dropSearchIndex|fsyncLock|killAllSessions"
                r"|bulkWrite\([^;]{0,200}deleteMany)|rs\.(?:remove|stepDown|reconfig)\("
                r"|sh\.(?:removeShard|stopBalancer)|getSiblingDB\([^)]{1,60}\)\.dropDatabase"
                r"|replaceOne\(\s{0,9}\{\s{0,9}\}|updateMany\(\s{0,9}\{\s{0,9}\}"
                # commands in their own form, and pipelines that replace a collection
                r"|(?:run|admin)Command\([^;]{0,400}\bq['\"]?\s{0,9}:\s{0,9}\{\s{0,9}\}"
                r"|\$out['\"]?\s{0,9}:(?!\s{0,9}['\"]\w{0,40}(?:tmp|temp|report|summary|test|stag))"
            ),
        ),
    )
)
_MONGO_MADE: Final = lazy(
    r"\]\s{0,9}\(|(?:run|admin)Command\(\s{0,9}(?:\{\s{0,9}\[|\w{1,40}\s{0,9}\))|\beval\("
)
"""Methods and commands whose name is made at run time."""
_EMPTY: Final = lazy(r"\s*(?:\{\s*\})?\s*,?")
_REDIS: Final = frozenset(
    {"flushall", "flushdb", "shutdown", "debug", "swapdb", "replicaof", "slaveof", "migrate"}
)
_REDIS_PAIRS: Final = {
    ("config", "get", "requirepass"): (EffectKind.CREDENTIAL_READ, "command.prints_credential"),
    ("config", "get", "*"): (EffectKind.CREDENTIAL_READ, "command.prints_credential"),
    ("config", "get", "masterauth"): (EffectKind.CREDENTIAL_READ, "command.prints_credential"),
    ("config", "set", "requirepass"): (EffectKind.PRIVILEGE, "command.changes_password"),
    ("config", "set", "protected-mode"): (EffectKind.NETWORK, "command.opens_firewall"),
    ("config", "set", "bind"): (EffectKind.NETWORK, "command.opens_firewall"),
    ("config", "set", "save"): (EffectKind.DATABASE, "command.database_destroys"),
    ("config", "set", "maxmemory"): (EffectKind.DATABASE, "command.database_destroys"),
    ("acl", "setuser"): (EffectKind.PRIVILEGE, "command.grants_rights"),
    ("acl", "deluser"): (EffectKind.PRIVILEGE, "command.grants_rights"),
    ("module", "load"): (EffectKind.REMOTE_CODE, "command.loads_code"),
    ("function", "flush"): (EffectKind.DATABASE, "command.database_destroys"),
    ("function", "delete"): (EffectKind.DATABASE, "command.database_destroys"),
    ("cluster", "reset"): (EffectKind.DATABASE, "command.database_destroys"),
    ("cluster", "flushslots"): (EffectKind.DATABASE, "command.database_destroys"),
    ("cluster", "forget"): (EffectKind.DATABASE, "command.database_destroys"),
    ("xgroup", "destroy"): (EffectKind.DATABASE, "command.database_destroys"),
}
"""Commands of Redis by their first words."""
_MAKES: Final = lazy(
    r"'\s{0,9}((?:drop|truncate)\s{1,9}(?:table|database|schema|view|user"
    r"|role|index)?)\b[^']{0,200}'\s{0,9}(?:\|\||,|\+)",
    re.IGNORECASE,
)
_DROPPED: Final = lazy(
    r"\s{0,99}(?:drop|create)\s{1,9}(?:database|schema)\s{1,9}(?:if\s{1,9}(?:not\s{1,9})?exists\s{1,9})?"
    r"[`\"\[]?(\w{1,60})[`\"\]]?(?:\s{1,9}(?:cascade|with\s{1,9}\(force\)))?\s{0,99}",
    re.IGNORECASE,
)
_TRIED: Final = lazy(r"--help\Z|--dry[-_]?run\b(?!=false)", re.IGNORECASE)
_SPELLED: Final = lazy(
    r"^\\set\s.{0,4000}^\s{0,99}:['\"]?\w{1,60}['\"]?\s{0,9}(?:;|$)", re.MULTILINE | re.DOTALL
)
"""A variable of the client is run as a statement."""
_SELECTS: Final = lazy(
    r"\bselect\b.{1,4000}\bfrom\s+(?!pg_|information_schema)\w", re.IGNORECASE | re.DOTALL
)
_MAX_LINES: Final = 1000
_ETCD: Final = ("--prefix", "--from-key")


def note_sql(shell: "Shell", text: str, dialect: str | None, *, own: bool = False) -> None:
    """Note what SQL text does; in a database of one's own, data is made again."""
    if not is_literal(text) and not text.strip("\x00\x01\x02\x03"):
        if REMOTE in text:
            shell.doubt("SQL from the network", "command.unknown_code")
        return
    judgement = judge_sql(text, dialect)
    for effect in judgement.effects:
        mild = effect.reversible or (own and effect.kind is EffectKind.DATABASE)
        shell.add(effect.kind, effect.target, effect.scope, effect.reason, reversible=mild)
    for doubt in judgement.unprovable:
        shell.doubt(doubt.part, doubt.reason)


def _client(shell: "Shell", call: "Call") -> str:
    if any(map(_TRIED.match, call.args)):
        return UNKNOWN
    dialect = _DIALECTS[call.name]
    texts = _texts(shell, call, dialect)
    if ":memory:" in call.args:
        texts = [text for text in texts if "load_extension" in text or ".s" in text]
    if call.stdin and not is_literal(call.stdin) and any("prod" in arg for arg in call.args):
        shell.add(EffectKind.DATABASE, call.name, Scope.REMOTE, "command.database_replaces")
    own = is_own(shell, call) or _is_scratch(shell, call, dialect)
    near = bool(shell.places.workspace) and is_near(shell, call)
    for text in texts:
        note_sql(shell, text, dialect, own=own or (near and _drops_own(text)))
        if _SPELLED.search(text) and not own:
            shell.doubt("a statement that a variable holds", "command.unknown_code")
        for line in re.findall(
            r"^[ \t]{0,99}(?:\\!|\.shell|\.system|!!?|system\s)[ \t]{0,99}(.+)$", text, re.MULTILINE
        ):
            shell.run_code(line, call.name)
    return _printed("".join(texts))


def _drops_own(text: str) -> bool:
    """Whether statements only drop and make databases that are named for tests."""
    statements = [part for part in text.split(";") if part.strip()]
    names = [_DROPPED.fullmatch(part) for part in statements]
    return bool(names) and all(name is not None and is_tested(name[1]) for name in names)


def _is_scratch(shell: "Shell", call: "Call", dialect: str | None) -> bool:
    """Whether the database is a file that is made again."""
    if dialect not in _FILED:
        return False
    path = "".join(read_options(call.args, _VALUES).operands[:1])
    return path != "" and " " not in path and is_scratch(shell, path)


def _texts(shell: "Shell", call: "Call", dialect: str | None) -> list[str]:
    """The statements that a client is given: in options, operands, its input or a file."""
    values = _VALUES - {"-p"} if dialect == "mysql" else _VALUES
    options = read_options(call.args, values)
    texts = options.all_values(*_TEXT_OPTIONS.get(dialect or "", _ANY_TEXT))
    if dialect == "sqlite" or call.name in {"bq", "duckdb", "influx"}:
        for path in options.operands[:1]:
            note_read(shell, path)
        texts += options.operands[1:]
        texts += options.all_values("-c", "-s")
    if call.name in {"wrangler", "turso"} or not texts:
        words = [*options.operands, *options.all_values("-c", "-e", "-q")]
        texts += [word for word in words if " " in word]
    if call.stdin and not texts:
        texts.append(call.stdin)
    script = options.value("-f", "--file", "-i")
    if script is not None:
        texts.append(shell.read(script))
    return texts


def _printed(text: str) -> str:
    """What a client prints: statements that a query makes, or what tables hold."""
    if SECRET in text:
        return SECRET
    made = _MAKES.search(text)
    if made is not None:
        return f"{made[1]} x;"
    return ENCODED if _SELECTS.search(text) or text.lstrip().startswith(".dump") else UNKNOWN


def _mongo(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"--eval", "-u", "-p", "--host", "--port", "-f"}))
    own = is_own(shell, call)
    for text in [*options.all_values("--eval"), call.stdin]:
        for kind, reason, shape in _MONGO_GRAVE:
            if shape.search(text):
                mild = own and kind is EffectKind.DATABASE
                shell.add(kind, call.name, Scope.REMOTE, reason, reversible=mild)
        if _MONGO_MADE.search(text) and not own:
            shell.doubt("a command whose name is made at run time", "command.unknown_code")
        for match in _MONGO.finditer(text):
            bounded = match[0].startswith(
                (".delete", ".remove", ".update", ".find")
            ) and not _EMPTY.fullmatch(
                match["filter"].partition("}")[0] + "}"
                if "{" in match["filter"]
                else match["filter"]
            )
            shell.add(
                EffectKind.DATABASE,
                match[0],
                Scope.ROWS if bounded else Scope.REMOTE,
                "command.database_destroys",
                reversible=own,
            )
    return UNKNOWN


def _redis(shell: "Shell", call: "Call") -> str:
    values = frozenset(
        {"-h", "-p", "-a", "-n", "-u", "-s", "--user", "--pass", "-r", "-i", "--eval"}
    )
    words = read_options(call.args, values).operands
    own = is_own(shell, call) or is_numbered(shell, call, words)
    note_redis(shell, [words, *(line.split() for line in call.stdin.split("\n"))], own=own)
    return UNKNOWN


def note_redis(shell: "Shell", lines: list[list[str]], *, own: bool = False) -> None:
    """Note what lines of words do that Redis is given."""
    for line in lines[:_MAX_LINES]:
        lower = [word.lower() for word in line]
        if (
            (lower and lower[0] in _REDIS and lower[:2] != ["debug", "sleep"])
            or (
                lower[:1] in (["del"], ["unlink"])
                and any(UNKNOWN in w or "*" in w for w in line[1:])
            )
            or (
                lower[:1] == ["eval"]
                and re.search(r"flush(?:all|db)|'keys'.*'del'", " ".join(lower))
            )
        ):
            shell.add(
                EffectKind.DATABASE, line[0], Scope.REMOTE, "command.database_destroys",
                reversible=own,
            )  # fmt: skip
        for length in (2, 3):
            grave = _REDIS_PAIRS.get(tuple(lower[:length]))
            if grave is not None:
                shell.add(grave[0], " ".join(line[:length]), Scope.REMOTE, grave[1])
        if lower[:2] == ["config", "set"] and lower[2:3] in (["dir"], ["dbfilename"]):
            shell.add(EffectKind.PERSISTENCE, "redis", Scope.REMOTE, "command.runs_later")


def _etcd(shell: "Shell", call: "Call") -> str:
    if "del" in call.args and any(arg.partition("=")[0] in _ETCD for arg in call.args):
        shell.add(EffectKind.DATABASE, "etcd", Scope.REMOTE, "command.database_destroys")
    return UNKNOWN


def _dump(_shell: "Shell", call: "Call") -> str:
    """A dump is no credential, but what it prints is data."""
    path = read_options(call.args, frozenset({"-f", "--file", "-r"})).value("-f", "--file", "-r")
    return UNKNOWN if path else "\x03"


_RMAN: Final = lazy(
    r"(?:^|[;{])\s{0,99}(?:delete|drop|unregister|reset\s{1,9}database|duplicate|flashback)\b",
    re.IGNORECASE | re.MULTILINE,
)


def _rman(shell: "Shell", call: "Call") -> str:
    """Oracle's tool for backups."""
    for text in [call.stdin, *call.args]:
        if _RMAN.search(text):
            shell.add(EffectKind.DATABASE, "backups", Scope.REMOTE, "command.deletes_backups")
    return UNKNOWN


def _piped(shell: "Shell", call: "Call") -> str:
    """A tool that runs the statements which it reads."""
    if call.stdin and "--stdin" in call.args:
        note_sql(shell, call.stdin, None)
    return UNKNOWN


HANDLERS: "dict[str, Handler]" = {
    "prisma": _piped,
    **dict.fromkeys(_DIALECTS, _client),
    **dict.fromkeys(("mongo", "mongosh"), _mongo),
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), _redis),
    "etcdctl": _etcd,
    "rman": _rman,
    **dict.fromkeys(
        (
            "pg_dump",
            "mysqldump",
            "pg_dumpall",
            "mongodump",
            "mariadb-dump",
            "mongoexport",
            "mysqlpump",
            "mydumper",
            "influxd",
        ),
        _dump,
    ),
}
