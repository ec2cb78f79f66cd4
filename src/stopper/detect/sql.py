"""SQL: which statements destroy data, in any dialect."""

import re
from collections.abc import Sequence
from typing import Final

from stopper.detect.effects import Effect, EffectKind, Judgement, Scope, Unprovable
from stopper.detect.lazy import lazy
from stopper.detect.sqltexts import is_abroad, resolve

__all__ = ["MAX_SQL", "is_sql", "judge_sql"]

MAX_SQL: Final = 32_768
"""The most characters of SQL that are judged."""
MAX_NESTING: Final = 60
MAX_STATEMENTS: Final = 500

_SUSPECT: Final = lazy(
    r"\b(?:drop|truncate|delete|update|alter|grant|revoke|exec|execute|copy|outfile|dumpfile|do"
    r"|call|merge|replace|load_extension|load|attach|xp_cmdshell|lo_\w+|pg_\w+|sp_\w+|dblink\w*"
    r"|prepare|shutdown|kill|purge|flush|reset|rename|detach|vacuum|reassign|openrowset|bulk"
    r"|load_file|sys_exec|sys_eval|writefile|program|rollback|disable|overwrite"
    r"|authentication_string|rolpassword|password_hash|syslogins|sql_logins|dba_users|mysql|sys"
    r"|create|system|stop|optimize|undrop|backup|restore|deny|set|unload|insert|gexec)\b",
    re.IGNORECASE,
)
_VERSIONED: Final = lazy(r"/\*M?!\d*(.*?)\*/", re.DOTALL)
_PLACEHOLDER: Final = lazy(r"[\x00-\x03]")
_META: Final = lazy(r"^[ \t]{0,99}\\(?!copy\b|!)[^\n]*$", re.MULTILINE)
_SHELL_ESCAPE: Final = lazy(
    r"xp_cmdshell|sys_exec|sys_eval|\bto\s+program\b|\bfrom\s+program\b|load_extension"
    r"|^[ \t]{0,99}(?:\\!|\.shell|\.system|system\s)"
    r"|\blo_export\b|\bdblink|sp_oacreate|utl_file|dbms_scheduler"
    r"|\blanguage\s{1,9}'{0,1}(?:c|pl\w{1,9}u|plsh|java|pljava\w*)\b|\bsoname\b"
    r"|\bcreate\s{1,9}assembly\b"
    r"|\bcreate\s{1,9}(?:or\s{1,9}replace\s{1,9})?extension\s{1,9}(?:if\s{1,9}not\s{1,9}exists"
    r"\s{1,9})?(?:pl\w{1,9}u|plsh|file_fdw|adminpack)\b"
    r"|\bsp_configure\b|\bsp_execute_external_script\b|\bdbms_(?:java|xmlquery|pipe)\b",
    re.IGNORECASE | re.MULTILINE,
)
_FILE_OUT: Final = lazy(
    r"\binto\s+(?:outfile|dumpfile)\b|\bwritefile\s*\(|\bpg_write_file", re.IGNORECASE
)
_FILE_IN: Final = lazy(
    r"\b(?:load_file|pg_read_file|pg_read_binary_file|pg_ls_dir|lo_import)\s*\("
    r"|load\s+data\b|openrowset",
    re.IGNORECASE,
)
_CREDENTIALS: Final = lazy(
    r"\b(?:pg_shadow|pg_authid|pg_user_mappings?|syslogins|sql_logins|dba_users"
    r"|sys\.user\$|rolpassword"
    r"|authentication_string|password_hash|mysql\.user|sysusers|system_auth\.(?:roles"
    r"|credentials))",
    re.IGNORECASE,
)
_KILLS_ALL: Final = lazy(
    r"\bpg_(?:terminate|cancel)_backend\(\s*\w*\.?pid\s*\)(?![^;]{0,999}\bwhere\b)", re.IGNORECASE
)
_CREATES: Final = lazy(r"\s*(?:create|insert|alter|comment|--)", re.IGNORECASE)
_RIGHTS: Final = lazy(
    r"\bgrant\s+(?:role\s+)?(?:super|dba|sysadmin|sysdba|root|admin\w*|accountadmin|all)\b"
    r"|\bgrant\b[^;]{0,300}\bon\s+\*\.\*"
    r"|\bgrant\b[^;]{0,300}\bto\s+public\b|\bwith\s+grant\s+option|\bsp_addsrvrolemember"
    r"|\bsp_addrolemember"
    r"|\balter\s+(?:server\s+)?role\b[^;]{0,300}\b(?:add\s+member|superuser|bypassrls|createrole)"
    r"|\bgrant\s+(?:pg_\w+|rds_superuser|cloudsqlsuperuser|azure_pg_admin|postgres)\b"
    r"|\bset\s+(?:global|persist)\s+(?:general_log|secure_file_priv|local_infile"
    r"|skip_grant_tables|validate_password\S*)"
    r"|\b(?:create|alter)\s+(?:user|role|login)\b[^;]{0,300}(?<!no)\b(?:superuser|sysadmin"
    r"|bypassrls|createrole|accountadmin)\b"
    r"|\bidentified\s+by\b[^;]{0,300}\bwith\s+grant|\bset\s+password\b|\balter\s+(?:user"
    r"|login)\b[^;]{0,300}\b(?:identified|password|superuser)",
    re.IGNORECASE,
)
_SYSTEM: Final = lazy(
    r"\bsystem\s+(?:drop|shutdown|kill|stop)\b|\balter\s+table\b[^;]{0,300}\b(?:drop"
    r"|delete|detach|clear)\b"
    r"|\balter\s+database\b[^;]{0,300}\b(?:set\s+(?:offline|single_user|emergency)|drop)\b"
    r"|\bdrop\s+(?:login|server|availability|endpoint|certificate|assembly"
    r"|domain|rule|aggregate|foreign|policy|publication|subscription|server"
    r"|event|procedure|package|synonym|stage|pipe|task|share|warehouse|account"
    r"|dictionary|resource|namespace|bucket|measurement|series|retention"
    r"|continuous|catalog|external|connector|graph|constraint|alias|analyzer"
    r"|space|class|edge|vertex|if)\b"
    r"|\bset\s+(?:foreign_key_checks\s*=\s*0[^;]{0,300};.*\b(?:drop|truncate"
    r"|delete)|global\s+read_only)"
    r"|\breset\s+(?:slave|replica|master|persist)|\bstop\s+(?:slave|replica"
    r"|group_replication)|\bpurge\s+(?:table|recyclebin|binary|tablespace)"
    r"|\bpg_(?:drop_replication_slot|switch_wal|promote|reload_conf|rotate_logfile)\b"
    r"|\bcreate\s+or\s+replace\s+(?:table|database|schema)\b"
    r"|\bshutdown\s+(?:immediate|abort|with|normal|transactional)\b|\bstartup\s+force"
    r"|\brestore\s+database\b[^;]{0,300}\breplace\b"
    r"|\balter\s+table\b[^;]{0,300}\b(?:engine\s{0,9}=?\s{0,9}(?:blackhole|memory|null)\b"
    r"|nocheck\s+constraint\s+all|modify\s+ttl\b|data_retention_time_in_days\s{0,9}=\s{0,9}0\b)"
    r"|\btruncate\s+(?:database|all)\b",
    re.IGNORECASE | re.DOTALL,
)
_CRUDE: Final = lazy(
    r"\bdrop\s+(?:table|database|schema|view|index|user|role|column|sequence|function|trigger|type"
    r"|materialized|tablespace|keyspace|collection|owned|extension|partition"
    r"|stream|warehouse|all)\b"
    r"|\btruncate\s+(?:table\s+)?[\w.\"`\[]+|\bdelete\s+from\b|\bupdate\s+[\w.\"`]+\s+set\b"
    r"|\balter\s+\w+[^;]*\bdrop\b|\bdrop\s+owned\b",
    re.IGNORECASE,
)
_WHERE: Final = lazy(r"\bwhere\b", re.IGNORECASE)
_STRING: Final = lazy(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_DYNAMIC: Final = lazy(r"^\s*(?:do|execute|exec|prepare|call|begin|declare)\b", re.IGNORECASE)
_BODY: Final = lazy(r"\$(\w*)\$(.*?)\$\1\$", re.DOTALL)
_GRAVE_COMMANDS: Final = lazy(
    r"^\s*(?:shutdown|flush\s+(?:all|tables)|reset\s+master|purge\s+binary|drop\b|truncate\b"
    r"|rename\s+table|grant\s+all\b.*|alter\s+(?:user|role|login|system)\b.*"
    r"|create\s+(?:user|role|login)\b.*\bsuperuser\b.*|kill\b|disable\s+trigger)",
    re.IGNORECASE | re.DOTALL,
)


_RUN: Final = lazy(
    r"\bexec(?:ute)?\s{0,9}\(|\bsp_executesql\b|\bsp_msforeach\w+|\bprepare\s+\w+\s+from\b"
    r"|\bexecute\s+immediate\b|\\gexec\b|\bexecute\s+format\s{0,9}\(",
    re.IGNORECASE,
)
"""A text is run as a statement."""
_UNREAD: Final = lazy(
    r"(?:'\s{0,9}(?:\+|\|\|)\s{0,9}@?\w|@\w{1,60}\s{0,9}(?:\+|\|\|))|\b(?:concat(?:_ws)?|replace"
    r"|reverse|substring|substr|stuff|translate|unhex|from_base64|convert|cast|char|chr|nchar"
    r"|decode|decompress|uncompress|aes_decrypt|load_file|json_value|quotename)\s{0,9}\(",
    re.IGNORECASE,
)
"""A text is put together."""
_TEXT: Final = lazy(r"'((?:[^']|'')*)'")
_GRAVE_TEXT: Final = lazy(
    r"\s{0,99}(?:drop|truncate|delete|alter|grant|revoke|update|shutdown|kill|merge|create\s{1,9}"
    r"(?:or\s|user|login)|exec)\b",
    re.IGNORECASE,
)
_MILD_TEXT: Final = lazy(
    r"\s{0,99}(?:select|create|analyze|vacuum|reindex|refresh|insert|explain|comment|show|with|set)\b",
    re.IGNORECASE,
)
_UNLOADS: Final = lazy(
    r"(?:\bcopy\b[^;]{0,2000}?\b(?:to|into)\s{1,9}|\bunload\b[^;]{0,2000}?\bto\s{1,9}|\bexport\s+data\b"
    r"[^;]{0,2000}?|\binsert\s+into\s+(?:table\s+)?function\s+\w{1,40}\(\s{0,9}|\bcreate\s+[^;]{0,200}?"
    r"\bstage\b[^;]{0,200}?|\boutfile\s+s3\s{1,9}|\bbackup\s+[^;]{0,200}?\bto\s+(?:url\s{0,9}=)?\s{0,9})"
    r"'\w{2,8}://[^']{1,300}'",
    re.IGNORECASE,
)
"""Rows leave the database for the address of a store."""


def judge_sql(text: str, dialect: str | None = None) -> Judgement:
    """The effects of SQL text, in a dialect that sqlglot knows or in any.

    Strings, comments and identifiers are no statements; what MySQL runs inside `/*! */` is one.
    """
    if not _SUSPECT.search(text):
        return Judgement()
    if len(text) > MAX_SQL:
        return _doubt("SQL too large to judge", "command.too_large", len(text))
    if text.count("(") > MAX_NESTING * 8 or _nesting(text) > MAX_NESTING:
        return _doubt("SQL nested too deep", "command.too_deep", len(text))
    text = resolve(_META.sub("", _VERSIONED.sub(r" \1 ", _PLACEHOLDER.sub("x", text))))
    found = _Found(len(text))
    bare = _STRING.sub("''", text)
    found.shapes(bare)
    found.sent(text)
    if _RUN.search(bare):
        _judge_run(text, found)
    _judge_parsed(text, bare, dialect, found)
    return Judgement(tuple(dict.fromkeys(found.effects)), tuple(dict.fromkeys(found.unprovable)))


def is_sql(text: str) -> bool:
    """Whether a parser takes all of it for statements that it knows."""
    from sqlglot import exp  # noqa: PLC0415  it takes a fifth of a second to load

    known = (exp.Query, exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.TruncateTable)
    statements = _parsed(text, None) if _nesting(text) <= MAX_NESTING else None
    return bool(statements) and all(isinstance(one, known) for one in statements or () if one)


def _nesting(text: str) -> int:
    depth = deepest = 0
    for char in text:
        if char == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif char == ")":
            depth -= 1
    return deepest


def _doubt(part: str, reason: str, size: int) -> Judgement:
    return Judgement((), (Unprovable(part, reason, (0, size)),))


class _Found:
    """Effects and doubts of one text."""

    def __init__(self, size: int) -> None:
        self.effects: list[Effect] = []
        self.unprovable: list[Unprovable] = []
        self.span = (0, size)

    def add(
        self,
        target: str,
        reason: str,
        kind: EffectKind = EffectKind.DATABASE,
        scope: Scope = Scope.REMOTE,
    ) -> None:
        self.effects.append(Effect(kind, target[:200], False, scope, reason, self.span))

    def doubt(self, part: str) -> None:
        self.unprovable.append(Unprovable(part, "command.unknown_code", self.span))

    def shapes(self, bare: str) -> None:
        """What is bad in every dialect, wherever it stands outside strings."""
        if _SHELL_ESCAPE.search(bare):
            self.add("the database's machine", "command.sql_runs_program", EffectKind.REMOTE_CODE)
        if _FILE_OUT.search(bare):
            self.add("a file of the server", "command.sql_writes_file", EffectKind.OVERWRITE,
                     Scope.OUTSIDE)  # fmt: skip
        if _CREDENTIALS.search(bare) and not _CREATES.match(bare):
            self.add("passwords", "command.sql_reads_passwords", EffectKind.CREDENTIAL_READ)
        if _KILLS_ALL.search(bare):
            self.add("sessions", "command.stops_service", EffectKind.INFRASTRUCTURE)
        if _RIGHTS.search(bare):
            self.add("rights", "command.grants_rights", EffectKind.PRIVILEGE)
        if _SYSTEM.search(bare):
            self.add("the server", "command.sql_destroys")
        if _FILE_IN.search(bare):
            self.add("a file of the server", "command.sql_reads_file", EffectKind.CREDENTIAL_READ)

    def sent(self, text: str) -> None:
        """Rows that are written to a place that is not the database's own."""
        match = _UNLOADS.search(text)
        if match is not None and is_abroad(match[0]):
            self.add(match[0][-80:], "command.sends_data", EffectKind.EXFILTRATE)

    def crude(self, bare: str) -> None:
        """Text that no parser takes: words outside strings decide."""
        for match in _CRUDE.finditer(bare):
            statement = bare[match.start() :].partition(";")[0]
            if match[0].lower().startswith(("delete", "update")) and _WHERE.search(statement):
                self.add(match[0], "command.sql_changes_rows", scope=Scope.ROWS)
            else:
                self.add(match[0], "command.sql_destroys")


def _judge_run(text: str, found: _Found) -> None:
    """Text that is run as a statement: what is written out counts, what is made cannot be told."""
    literals = _TEXT.findall(text)
    for literal in literals:
        if _GRAVE_TEXT.match(literal):
            found.add(literal[:60], "command.sql_destroys")
    known = any(map(_MILD_TEXT.match, literals))
    if not (found.effects or (known and not _UNREAD.search(text))):
        found.doubt("a statement that is made at run time")


def _judge_parsed(text: str, bare: str, dialect: str | None, found: _Found) -> None:
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    statements = _parsed(text, dialect)
    if statements is None:
        _judge_crude(text, bare, found)
        return
    for statement in statements[:MAX_STATEMENTS]:
        if statement is not None:
            try:
                _judge_statement(statement, found)
            except (SqlglotError, RecursionError, ValueError):
                # what it parses it cannot always write
                _judge_crude(text, bare, found)
    if len(statements) > MAX_STATEMENTS:
        found.doubt("more statements than are judged")


def _parsed(text: str, dialect: str | None) -> Sequence[object] | None:
    """The statements of a text; None where it does not parse."""
    from sqlglot import parse  # noqa: PLC0415  it takes a fifth of a second to load
    from sqlglot import parser as sqlglot_parser  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    # its warnings quote statements, which may hold secrets
    sqlglot_parser.logger.disabled = True
    try:
        return parse(text, read=dialect)
    except (SqlglotError, RecursionError, ValueError):
        return None


def _judge_crude(text: str, bare: str, found: _Found) -> None:
    found.crude(bare)
    if _DYNAMIC.search(bare) or _CRUDE.search(bare):
        _judge_body(text, found)


def _judge_body(text: str, found: _Found) -> None:
    """Procedural code: its text counts, and what it builds at run time cannot be told."""
    for match in _BODY.finditer(text):
        found.crude(_STRING.sub("''", match[2]))
        for literal in re.finditer(r"'((?:[^']|'')*)'", match[2]):
            found.crude(literal[1])
        if re.search(r"\bexecute\b", match[2], re.IGNORECASE):
            found.doubt("a statement that is made at run time")


def _judge_statement(statement: object, found: _Found) -> None:
    from sqlglot import exp  # noqa: PLC0415

    assert isinstance(statement, exp.Expression)  # noqa: S101  what parse gives
    for node in statement.walk():
        if isinstance(node, exp.Drop):
            found.add(_target(node), "command.sql_drops")
        elif isinstance(node, exp.TruncateTable):
            found.add(_target(node), "command.sql_truncates")
        elif isinstance(node, exp.Delete | exp.Update):
            where = node.args.get("where")
            bounded = (where is not None and not _always(where.this)) or _bounded(node)
            found.add(
                _target(node),
                "command.sql_changes_rows" if bounded else "command.sql_changes_all_rows",
                scope=Scope.ROWS if bounded else Scope.REMOTE,
            )
        elif isinstance(node, exp.Alter):
            drops = [a for a in node.args.get("actions") or () if isinstance(a, exp.Drop)]
            sql = node.sql().lower() if not drops else ""
            if "drop partition" in sql or " truncate " in sql:
                found.add(_target(node), "command.sql_drops")
        elif isinstance(node, exp.Merge):
            if "DELETE" in node.sql().upper():
                found.add(_target(node), "command.sql_changes_rows", scope=Scope.ROWS)
        elif isinstance(node, exp.Command | exp.Grant | exp.Execute):
            _judge_command(node.sql(), found)


def _judge_command(sql: str, found: _Found) -> None:
    bare = _STRING.sub("''", sql)
    if _GRAVE_COMMANDS.match(bare):
        kind = (
            EffectKind.PRIVILEGE
            if re.match(r"\s*(?:grant|alter|create)", bare, re.IGNORECASE)
            else EffectKind.DATABASE
        )
        found.add(bare[:60], "command.sql_destroys", kind)
        return
    explain = re.match(
        r"\s*explain\s*(?:\(?\s*analy[sz]e[^a-z]*|.*?\banaly[sz]e\b)(.*)",
        sql,
        re.IGNORECASE | re.DOTALL,
    )
    if explain is not None:
        found.crude(_STRING.sub("''", explain[1]))
        return
    if _DYNAMIC.match(bare):
        before = len(found.effects)
        _judge_body(sql, found)
        for literal in re.finditer(r"'((?:[^']|'')*)'", sql):
            found.crude(literal[1])
        made = re.match(
            r"\s*(?:execute\s+immediate|exec\s*\(|exec\s+sp_executesql|do\b)", bare, re.IGNORECASE
        )
        if len(found.effects) == before and made and not re.match(r"\s*do\b", bare, re.IGNORECASE):
            found.doubt("a statement that is made at run time")
    else:
        found.crude(bare)


def _bounded(node: object) -> bool:
    """An UPDATE or DELETE bounded by a join or a limit touches no whole table."""
    args = getattr(node, "args", {})
    return args.get("limit") is not None


def _always(node: object) -> bool:  # noqa: C901, PLR0912  one branch a shape
    """Whether a condition holds for every row."""
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(node, exp.Paren):
        return _always(node.this)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        return node.this not in {"0", ""}
    if isinstance(node, exp.Or):
        return _always(node.left) or _always(node.right)
    if isinstance(node, exp.And):
        return _always(node.left) and _always(node.right)
    if isinstance(node, exp.Not):
        inner = node.this
        if isinstance(inner, exp.Is):
            return False
        return isinstance(inner, exp.Boolean) and not inner.this
    if isinstance(node, exp.EQ | exp.GTE | exp.LTE | exp.NullSafeEQ):
        return node.left == node.right
    if isinstance(node, exp.NEQ | exp.GT | exp.LT):
        literals = isinstance(node.left, exp.Literal) and isinstance(node.right, exp.Literal)
        if not literals:
            return False
        if isinstance(node, exp.NEQ):
            return node.left != node.right
        try:
            left, right = float(node.left.this), float(node.right.this)
        except ValueError:
            return False
        return left > right if isinstance(node, exp.GT) else left < right
    if isinstance(node, exp.Like):
        return isinstance(node.expression, exp.Literal) and set(node.expression.this) == {"%"}
    return False


def _target(node: object) -> str:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(node, exp.Expression):
        table = node.find(exp.Table)
        if table is not None:
            return table.sql()
    return type(node).__name__.lower()
