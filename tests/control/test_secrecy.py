"""What a run keeps in: which values are known, and which of them may go where."""

import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stopper.control.home import Home, open_home
from stopper.control.planned import Planned, RunOptions, plan_run
from stopper.control.secrecy import (
    CANARY,
    MAX_VALUES,
    fresh_canary,
    known_secrets,
    open_screen,
)
from stopper.detect.handling import OnSecret
from stopper.egress.message import Head
from stopper.egress.route import Route, route
from stopper.egress.screen import Screen, Towards

RANDOM = random.Random(11)  # noqa: S311  made of an alphabet, and the same in every run


def value(size: int = 32) -> str:
    """A secret."""
    return "".join(RANDOM.choices(string.ascii_letters + string.digits, k=size))


KEY, GIVEN, FILED, GITHUB = value(), value(), value(), "gh" + "p_" + value(36)
UNNAMED = f"{value(4)}-{value(3)}!{value(16)}"
HOST = {
    "PATH": "/usr/bin:/bin",
    "ANTHROPIC_API_KEY": KEY,
    "DEPLOY_TOKEN": GIVEN,
    "GITHUB_TOKEN": GITHUB,
    "DBPW": UNNAMED,
    "PAGER": "/usr/bin/less",
    "WEAK_PASSWORD": "password",
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below somebody's home, and the present one."""
    folder = tmp_path / "home" / "work"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder)
    return folder


def known(home: Home, host: Mapping[str, str] = HOST, **asked: Any) -> dict[str, str]:
    """The values that a run of `true` knows."""
    planned = plan_run(RunOptions(command=("true",), **asked), home, host)
    return known_secrets(planned, planned.table.known, host, "canary")


def test_keys_and_what_was_given_are_known(home: Home, workspace: Path) -> None:
    """By name, or because it looks random; words and paths would only mark innocent text."""
    assert workspace.exists()
    found = known(home, env=("DEPLOY_TOKEN", "DBPW", "PAGER", "WEAK_PASSWORD"))
    assert found == {"ANTHROPIC_API_KEY": KEY, "DEPLOY_TOKEN": GIVEN, "DBPW": UNNAMED}


ENV_FILES = {
    # the file's name     its text                               what is known of it
    ".env":              (f"DB_PASSWORD={FILED}",                {"DB_PASSWORD"}),
    ".env.local":        (f"export API_KEY='{FILED}' # mine",    {"API_KEY"}),
    ".env.production":   (f'\n\n#x\nSECRET_KEY = "{FILED}"\n',   {"SECRET_KEY"}),
    ".env.example":      (f"DB_PASSWORD={FILED}",                set()),
    "env.txt":           (f"DB_PASSWORD={FILED}",                set()),
    ".envrc":            (f"PORT={FILED}",                       {"PORT"}),
    ".env.empty":        ("API_KEY=",                            set()),
    ".env.comment":      ("API_KEY=# none",                      set()),
    ".env.login":        (f"DATABASE_URL=postgres://me:{FILED}@db/x", {"DATABASE_URL"}),
    ".env.short":        (f"DB_PASS={FILED}",                    {"DB_PASS"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENV_FILES)
def test_env_files(home: Home, workspace: Path, name: str) -> None:
    """Secrets in the workspace's own `.env` files are known, but for examples."""
    text, names = ENV_FILES[name]
    (workspace / name).write_text(text)
    found = known(home, {"PATH": HOST["PATH"]})
    assert {name for name in found if found[name] == FILED} == names


def test_a_value_may_hold_what_begins_comments(home: Home, workspace: Path) -> None:
    (workspace / ".env").write_text(f"DB_PASSWORD=ab#{FILED} # mine\n")
    assert known(home, {"PATH": HOST["PATH"]})["DB_PASSWORD"] == f"ab#{FILED}"


def test_env_files_are_bounded(home: Home, workspace: Path) -> None:
    """A file that cannot be read, and one that never ends, are no reason to fail."""
    (workspace / ".env").mkdir()
    lines = (f"K{number}_TOKEN={value()}" for number in range(MAX_VALUES + 10))
    (workspace / ".env.many").write_text("\n".join(lines))
    assert len(known(home, {"PATH": HOST["PATH"]})) <= MAX_VALUES + 1


def test_a_canary_is_known(home: Home, workspace: Path) -> None:
    assert workspace.exists()
    planned = plan_run(RunOptions(command=("true",)), home, HOST)
    canary = fresh_canary()
    assert known_secrets(planned, planned.table.known, HOST, canary)[CANARY] == canary
    assert canary != fresh_canary()


REACHABLE = "allow: ['*.github.com', a.com]"


def screened(tmp_path: Path, settings: str) -> tuple[Planned, Screen]:
    """The screen of a run with these settings, which was given both tokens."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "settings.yml").write_text(f"{REACHABLE}\n{settings}")
    with open_home({"STOPPER_HOME": str(folder)}) as home:
        options = RunOptions(command=("true",), env=("DEPLOY_TOKEN", "GITHUB_TOKEN"))
        planned = plan_run(options, home, HOST)
        values = known_secrets(planned, planned.table.known, HOST, fresh_canary())
        return planned, open_screen(planned, values, folder)


def towards(planned: Planned, screen: Screen, host: str) -> Towards:
    """Where a GET to this host goes."""
    head = Head("GET", f"https://{host}/".encode(), "1.1", [(b"host", host.encode())])
    head.host = host.encode()
    found = route(head, None, planned.table)
    assert isinstance(found, Route)
    return screen.towards(head, found)


GOES = {
    # what, where                       settings                                          secret   host              passes
    "a vendor's token to the vendor":  ("",                                               GITHUB,  "api.github.com", True),
    "a vendor's token elsewhere":      ("",                                               GITHUB,  "a.com",          False),
    "a token of one's own":            ("",                                               GIVEN,   "a.com",          False),
    "allowed by its name":             ("allow_secrets: [DEPLOY_TOKEN to a.com]",         GIVEN,   "a.com",          True),
    "allowed elsewhere":               ("allow_secrets: [DEPLOY_TOKEN to *.github.com]",  GIVEN,   "a.com",          False),
    "allowed for a time that is over": ("allow_secrets: [DEPLOY_TOKEN until 2020-01-01]", GIVEN,   "a.com",          False),
    "another's name":                  ("allow_secrets: [OTHER_TOKEN]",                   GIVEN,   "a.com",          False),
    "a placeholder":                   ("",                                               "",      "a.com",          True),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "secret", "host", "passes"), GOES.values(), ids=GOES)
def test_what_may_go_where(
    tmp_path: Path, workspace: Path, settings: str, secret: str, host: str, passes: bool
) -> None:
    """Each row says whether this secret may go to this host."""
    assert workspace.exists()
    planned, screen = screened(tmp_path, settings)
    secret = secret or planned.table.known["anthropic"].placeholder
    where = towards(planned, screen, host)
    assert where.wish is OnSecret.BLOCK
    seen = screen.look(f'{{"token": "{secret}"}}'.encode(), where, "body")
    assert (seen is None) is passes
    assert secret not in repr(seen)


def test_a_fingerprint_from_the_log_allows(tmp_path: Path, workspace: Path) -> None:
    """What the log tells is what the settings take, and it is the same in the next run."""
    assert workspace.exists()
    planned, screen = screened(tmp_path, "")
    body = f'{{"token": "{GIVEN}"}}'.encode()
    seen = screen.look(body, towards(planned, screen, "a.com"), "body")
    assert seen is not None
    fingerprint = seen.what.partition("(")[2].partition(")")[0]
    settings = f"{REACHABLE}\nallow_secrets: [{fingerprint} to a.com]"
    (tmp_path / "state" / "settings.yml").write_text(settings)
    with open_home({"STOPPER_HOME": str(tmp_path / "state")}) as home:
        options = RunOptions(command=("true",), env=("DEPLOY_TOKEN",))
        planned = plan_run(options, home, HOST)
        values = known_secrets(planned, planned.table.known, HOST, fresh_canary())
        screen = open_screen(planned, values, tmp_path / "state")
    assert screen.look(body, towards(planned, screen, "a.com"), "body") is None
