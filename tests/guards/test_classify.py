"""What names and arguments tell about a call."""

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
    "preview_delete": READ, "db_query": READ, "getHTTPSettings": READ,
    # writes
    "create_user": WRITE, "update_user": WRITE, "send_email": WRITE, "get_or_create_user": WRITE,
    "fetch_and_update": WRITE, "mcp__github__create_issue": WRITE, "setSettings": WRITE,
    "github_create_issue": WRITE, "search_and_replace": WRITE, "undelete_user": WRITE,
    # what cannot be taken back
    "delete_user": DESTROY, "rm": DESTROY, "erase_all": DESTROY, "transfer_funds": DESTROY,
    "deploy": DESTROY, "deleteUser": DESTROY, "bulk_delete_users": DESTROY, "user_delete": DESTROY,
    "find_and_delete": DESTROY, "list_remove": DESTROY, "search-and-destroy": DESTROY,
    "users.delete": DESTROY, "files/delete/v2": DESTROY, "mcp__git__deleteBranch": DESTROY,
    "ＤＥＬＥＴＥ_user": DESTROY, "wire_money": DESTROY, "pay_invoice": DESTROY,  # noqa: RUF001
    # what runs anything
    "run_shell": DESTROY, "execute_sql": DESTROY, "bash": DESTROY, "run_code": DESTROY,
    "mcp__db__run_query": DESTROY, "terminal": DESTROY,
    # nothing to go by
    "dropdown_options": None, "nuclear_data": None, "weather": None, "run_report": None, "": None,
    "___": None,
}  # fmt: skip


@pytest.mark.parametrize(("tool", "effect"), NAMES.items(), ids=str)
def test_names(tool: str, effect: SideEffectClass | None) -> None:
    assert by_name(tool) is effect


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
