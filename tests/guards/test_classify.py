"""What names and arguments tell about a call."""

from types import SimpleNamespace
from typing import Any

import pytest

from stopper.guards.classify import SideEffectClass, by_annotations, by_arguments, by_name, words

READ, WRITE, DESTROY = SideEffectClass

NAMES: dict[str, SideEffectClass | None] = {
    # reads that hold the words of writes
    "get_user": READ, "get_settings": READ, "fetch_updates": READ, "get_dataset": READ,
    "preset_list": READ, "skill_search": READ, "list_posts": READ, "get_drop_rate": READ,
    "check_delete_permission": READ, "is_deleted": READ, "list_deleted_items": READ,
    "user.settings.get": READ, "mcp__github__list_issues": READ, "describeTable": READ,
    "preview_delete": READ, "db_query": READ, "getHTTPSettings": READ, "get_last_run": READ,
    "read_message": READ, "get_read_write_ratio": READ, "list_script_run": READ,
    # writes
    "create_user": WRITE, "update_user": WRITE, "send_email": WRITE, "get_or_create_user": WRITE,
    "fetch_and_update": WRITE, "mcp__github__create_issue": WRITE, "setSettings": WRITE,
    "github_create_issue": WRITE, "search_and_replace": WRITE, "undelete_user": WRITE,
    # reads, and more
    "load_and_run": WRITE, "fetch_and_run": WRITE, "download_and_execute": WRITE,
    "run_and_get_output": WRITE, "read_write_file": WRITE, "file_read_append": WRITE,
    "load_and_execute_script": DESTROY, "read_delete_file": DESTROY,
    # what cannot be taken back
    "delete_user": DESTROY, "rm": DESTROY, "erase_all": DESTROY, "transfer_funds": DESTROY,
    "deploy": DESTROY, "deleteUser": DESTROY, "bulk_delete_users": DESTROY, "user_delete": DESTROY,
    "find_and_delete": DESTROY, "list_remove": DESTROY, "search-and-destroy": DESTROY,
    "users.delete": DESTROY, "files/delete/v2": DESTROY, "mcp__git__deleteBranch": DESTROY,
    "ＤＥＬＥＴＥ_user": DESTROY, "wire_money": DESTROY, "pay_invoice": DESTROY,  # noqa: RUF001
    # what runs anything
    "run_shell": DESTROY, "execute_sql": DESTROY, "bash": DESTROY, "run_code": DESTROY,
    "mcp__db__run_query": DESTROY, "terminal": DESTROY, "python_repl": DESTROY,
    "query_execute": DESTROY, "script_run": DESTROY,
    # nothing to go by
    "dropdown_options": None, "nuclear_data": None, "weather": None, "run_report": None, "": None,
    "___": None, "job_run": None, "run": None,
}  # fmt: skip


@pytest.mark.parametrize(("tool", "effect"), NAMES.items(), ids=str)
def test_names(tool: str, effect: SideEffectClass | None) -> None:
    assert by_name(tool) is effect


DEEP: dict[str, Any] = {}
DEEP["command"] = [DEEP]

ARGUMENTS: dict[str, tuple[str, dict[str, Any], SideEffectClass | None]] = {
    # what we try             tool            arguments                                     class
    "a select":             ("run_sql",     {"sql": "SELECT * FROM t"},                   READ),
    "two selects":          ("run_sql",     {"sql": "select 1; select 2;"},               READ),
    "an insert":            ("run_sql",     {"sql": "INSERT INTO t VALUES (1)"},          WRITE),
    "a select that writes": ("run_sql",     {"sql": "SELECT 1 INTO t"},                   WRITE),
    "a WITH that inserts":  ("run_sql",     {"sql": "WITH x AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT * FROM x"}, WRITE),
    "a drop":               ("run_sql",     {"sql": "DROP TABLE t"},                      DESTROY),
    "a drop behind":        ("run_sql",     {"sql": "SELECT 1; DROP TABLE t"},            DESTROY),
    "a drop in a list":     ("run_sql",     {"statements": ["SELECT 1", "DROP TABLE t"]}, DESTROY),
    "some rows updated":    ("run_sql",     {"sql": "UPDATE t SET a=1 WHERE id=2"},       WRITE),
    "some rows deleted":    ("run_sql",     {"sql": "DELETE FROM t WHERE id=2"},          DESTROY),
    "all rows deleted":     ("run_sql",     {"sql": "DELETE FROM t"},                     DESTROY),
    "a drop as a query":    ("db_query",    {"query": "DROP TABLE t"},                    DESTROY),
    "a question":           ("web_search",  {"query": "drop table cheap"},                None),
    "a word in a select":   ("run_sql",     {"sql": "SELECT 'DROP TABLE t'"},             READ),
    "a plain command":      ("bash",        {"command": "ls -l"},                         WRITE),
    "rm":                   ("bash",        {"command": "rm -rf /"},                      DESTROY),
    "rm as words":          ("run_process", {"argv": ["rm", "-rf", "/"]},                 DESTROY),
    "rm hidden":            ("shell",       {"input": "echo cm0gLXJmIC8= | base64 -d | sh"}, DESTROY),
    "rm in Python":         ("run_python",  {"code": "import os; os.system('rm -rf /')"}, DESTROY),
    "plain Python":         ("run_python",  {"code": "print(1)"},                         WRITE),
    "a code of a country":  ("get_country", {"code": "DE"},                               None),
    "a number":             ("run_sql",     {"sql": 1},                                   None),
    "nothing":              ("run_sql",     {},                                           None),
    # lists
    "words under many":     ("bash",        {"commands": ["rm", "-rf", "/"]},             DESTROY),
    "several commands":     ("bash",        {"commands": ["ls", "rm -rf /"]},             DESTROY),
    "several, one hides":   ("bash",        {"commands": ["cat <<EOF", "rm -rf /", "EOF"]}, DESTROY),
    "a script of lines":    ("bash",        {"script": ["cd /", "rm -rf *"]},             DESTROY),
    "several in one place": ("bash",        {"commands": ["cd /", "rm -rf ./*"]},         DESTROY),
    "one text in a list":   ("bash",        {"command": ["rm -rf /"]},                    DESTROY),
    "words and operators":  ("bash",        {"command": ["ls", "&&", "rm", "-rf", "/"]},  DESTROY),
    "a list in a list":     ("bash",        {"command": ["ls", ["rm", "-rf", "/"]]},      DESTROY),
    "lists in a tuple":     ("bash",        {"commands": (["ls"], ("rm", "-rf", "/"))},   DESTROY),
    "a set":                ("bash",        {"commands": {"rm -rf /"}},                   DESTROY),
    "harmless words":       ("bash",        {"command": ["git", "commit", "-m", "it's; a"]}, WRITE),
    "a long option":        ("bash",        {"command": ["git", "log", "--grep=it and that"]}, WRITE),
    "options under many":   ("bash",        {"commands": ["ls", "-l"]},                   WRITE),
    "harmless commands":    ("bash",        {"commands": ["cd src", "ls -l"]},            WRITE),
    "SQL as words":         ("run_sql",     {"sql": ["DROP", "TABLE", "t"]},              DESTROY),
    "commands without end": ("bash",        {"commands": ["ls"] * 1000},                  DESTROY),
    # arguments beside a program
    "its arguments":        ("bash",        {"command": "rm", "args": ["-rf", "/"]},      DESTROY),
    "they are a text":      ("bash",        {"command": "rm", "args": "-rf /"},           DESTROY),
    "in two places":        ("bash",        {"command": "rm", "flags": ["-rf"], "args": ["/"]}, DESTROY),
    "with an operator":     ("bash",        {"command": "ls", "args": ["&&", "rm", "-rf", "/"]}, DESTROY),
    "a program's":          ("launch",      {"program": "rm", "args": ["-rf", "/"]},      DESTROY),
    "a binary's":           ("launch",      {"bin": "rm", "argv": ["-rf", "/"]},          DESTROY),
    "of nobody knows what": ("launch",      {"file": "rm", "argv": ["-rf", "/"]},         DESTROY),
    "of a shell's":         ("bash",        {"args": ["rm", "-rf", "/"]},                 DESTROY),
    "a harmless program's": ("launch",      {"program": "ls", "args": ["-l"]},            WRITE),
    "a program on air":     ("get_guide",   {"program": "news"},                          None),
    # under names that may be those of something else
    "a shell's text":       ("get_x",       {"shell": "rm -rf /"},                        DESTROY),
    "an sh's text":         ("get_x",       {"sh": "rm -rf /"},                           DESTROY),
    "what is run":          ("get_x",       {"run": "rm -rf /"},                          DESTROY),
    "what is executed":     ("get_x",       {"exec": ["rm", "-rf", "/"]},                 DESTROY),
    "an entry point":       ("get_x",       {"entrypoint": ["rm", "-rf", "/"]},           DESTROY),
    "with its arguments":   ("get_x",       {"entrypoint": "rm", "args": ["-rf", "/"]},   DESTROY),
    "one word that harms":  ("get_x",       {"run": "reboot"},                            DESTROY),
    "a command to run":     ("get_x",       {"run": "npm test"},                          WRITE),
    "the name of a run":    ("get_x",       {"run": "nightly", "params": ["a"]},          None),
    "the name of a shell":  ("get_x",       {"shell": "/bin/bash"},                       None),
    "a switch":             ("get_x",       {"shell": True},                              None),
    "beside a command":     ("bash",        {"command": {"shell": "bash", "line": "rm -rf /"}}, DESTROY),
    "a method beside one":  ("bash",        {"command": {"method": "GET", "line": "rm -rf /"}}, DESTROY),
    "a method that is one": ("bash",        {"command": {"method": "rm -rf /"}},          DESTROY),
    # tools that are programs
    "a program's tool":     ("kubectl",     {"args": ["delete", "ns", "prod"]},           DESTROY),
    "its text":             ("terraform",   {"args": "destroy -auto-approve"},            DESTROY),
    "a forced push":        ("git",         {"args": ["push", "--force"]},                DESTROY),
    "a verb in the name":   ("mcp__git__push", {"args": ["--force"]},                     DESTROY),
    "arguments in two":     ("git",         {"command": "push", "args": ["--force"]},     DESTROY),
    "an action":            ("terraform",   {"action": "destroy"},                        DESTROY),
    "an action and more":   ("kubectl",     {"verb": "delete", "args": "ns prod"},        DESTROY),
    "of no program":        ("get_x",       {"action": "destroy", "command": "ls"},       WRITE),
    "a part of a command":  ("git",         {"subcommand": "push", "flags": ["--force"]}, DESTROY),
    "its command":          ("ExecuteTerraformCommand", {"command": "destroy"},           DESTROY),
    "several of its":       ("kubectl",     {"commands": ["get ns", "delete ns prod"]},   DESTROY),
    "with its own name":    ("git",         {"args": ["/usr/bin/git", "push", "--force"]}, DESTROY),
    "nested parameters":    ("kubectl",     {"params": {"args": ["delete", "ns", "x"]}},  DESTROY),
    "its harmless command": ("kubectl",     {"command": "get pods"},                      WRITE),
    "nothing that harms":   ("git",         {"args": ["status"]},                         None),
    "words that are meant": ("git_commit",  {"args": ["-m", "push --force is bad"]},      None),
    "no such argument":     ("git",         {"message": "push --force"},                  None),
    "another kind of tool": ("find_user",   {"params": ["delete"]},                       None),
    # methods of HTTP
    "a request deletes":    ("fetch",       {"method": "DELETE", "url": "https://a.example/x"}, DESTROY),
    "in lower case":        ("http_get",    {"method": "delete"},                         DESTROY),
    "a request posts":      ("fetch",       {"method": "POST"},                           WRITE),
    "a request puts":       ("fetch",       {"options": {"httpMethod": "Put"}},           WRITE),
    "a request patches":    ("fetch",       {"headers": {"X-HTTP-Method-Override": "PATCH"}}, WRITE),
    "a request reads":      ("fetch",       {"method": "GET"},                            None),
    "another method":       ("get_route",   {"method": "astar", "payment_method": "post"}, None),
    # nested, or no plain text
    "inside of arguments":  ("get_output",  {"params": {"command": "rm -rf /"}},          DESTROY),
    "deeper":               ("get_output",  {"a": [{"b": [[{"input": {"cmd": "rm -rf /"}}]]}]}, DESTROY),
    "inside of a command":  ("bash",        {"command": {"cmd": "rm -rf /"}},             DESTROY),
    "by any name there":    ("bash",        {"command": {"line": "rm -rf /"}},            DESTROY),
    "words by any name":    ("bash",        {"command": {"line": ["rm", "-rf", "/"]}},    DESTROY),
    "with a description":   ("bash",        {"args": {"command": "ls", "about": "it's"}}, WRITE),
    "in an object":         ("bash",        {"command": SimpleNamespace(cmd="rm -rf /")}, DESTROY),
    "bytes":                ("bash",        {"command": b"rm -rf /"},                     DESTROY),
    "words of bytes":       ("bash",        {"command": [b"rm", b"-rf", b"/"]},           DESTROY),
    "a longer name":        ("get_output",  {"postCommand": "rm -rf /"},                  DESTROY),
    "in capitals":          ("get_output",  {"SHELL_COMMAND": "rm -rf /"},                DESTROY),
    "given to a shell":     ("bash",        {"command": "bash", "stdin": "rm -rf /"},     DESTROY),
    "too deep":             ("bash",        DEEP,                                         DESTROY),
    # SQL of tools that ask
    "a query that drops":   ("read_query",  {"query": "DROP TABLE users"},                DESTROY),
    "by its server":        ("mcp__sqlite__read", {"query": "drop table users"},          DESTROY),
    "a query that writes":  ("read_query",  {"query": "insert into t values (1)"},        WRITE),
    "a query that reads":   ("read_query",  {"query": "select * from t"},                 READ),
    "a question of words":  ("query_docs",  {"query": "update me on how to delete"},      None),
    "SQL in parameters":    ("query_db",    {"params": {"sql": "DROP TABLE users"}},      DESTROY),
    "queries":              ("query_db",    {"queries": ["SELECT 1", "DROP TABLE users"]}, DESTROY),
    "SQL in bytes":         ("query_db",    {"sql": b"DROP TABLE users"},                 DESTROY),
    "SQL inside":           ("query_db",    {"sql": {"q": "DROP TABLE users"}},           DESTROY),
    "SQL by any name":      ("get_rows",    {"sql": {"x": "DROP TABLE users"}},           DESTROY),
    "SQL with its values":  ("get_rows",    {"sql": {"text": "select $1", "values": ["it's"]}}, READ),
    "its values beside it": ("query_db",    {"sql": "select $1", "params": ["drop table t"]}, READ),
    # code
    "for an interpreter":   ("python_repl", {"input": "import shutil; shutil.rmtree('/')"}, DESTROY),
    "plain code for it":    ("python_repl", {"input": "print(1)"},                        WRITE),
    "a command as code":    ("run_code",    {"code": "reboot"},                           DESTROY),
    "a script in Python":   ("run_python",  {"script": "import shutil\nshutil.rmtree('/')"}, DESTROY),
    "a script of a shell":  ("run_code",    {"command": "npm test && rm -rf /"},          DESTROY),
    "code inside":          ("run_python",  {"params": {"code": "import os; os.system('rm -rf /')"}}, DESTROY),
    "code that is sought":  ("search_code", {"query": "shutil.rmtree('/')"},              None),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "args", "effect"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(tool: str, args: dict[str, Any], effect: SideEffectClass | None) -> None:
    assert by_arguments(tool, args) is effect


ANNOTATIONS: dict[str, tuple[dict[str, Any] | None, SideEffectClass | None]] = {
    "none":               (None,                                             None),
    "it says it reads":   ({"readOnlyHint": True},                           None),
    "it does not read":   ({"readOnlyHint": False},                          WRITE),
    "it destroys":        ({"destructiveHint": True},                        DESTROY),
    "it says it is safe": ({"destructiveHint": False},                       None),
    "both":               ({"readOnlyHint": True, "destructiveHint": True},  DESTROY),
    "a word":             ({"destructiveHint": "yes"},                       None),
}  # fmt: skip


@pytest.mark.parametrize(("annotations", "effect"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_annotations_only_tighten(
    annotations: dict[str, Any] | None, effect: SideEffectClass | None
) -> None:
    assert by_annotations(annotations) is effect


def test_a_huge_name_is_cut() -> None:
    assert words("get_" + "x" * 1_000_000)[0] == "get"
