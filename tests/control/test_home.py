"""The folder that everything stands on: where it is, and what is opened."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopper.control.home import LEDGER_FILE, Home, find_home, open_for_orders, open_home
from stopper.errors import SettingsError, StoreError
from stopper.settings import Shutdown
from stopper.testing.past import Past


def test_the_folder_is_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert find_home({}) == Path("/home/somebody/.stopper")
    assert find_home({"STOPPER_HOME": ""}) == Path("/home/somebody/.stopper")
    assert find_home({"STOPPER_HOME": "/elsewhere"}) == Path("/elsewhere")
    assert find_home({"STOPPER_HOME": "~/there"}) == Path("/home/somebody/there")


@pytest.mark.parametrize("named", ["here", "./here", "../here"])
def test_the_folder_is_named_in_full(named: str) -> None:
    with pytest.raises(SettingsError, match="write it in full"):
        find_home({"STOPPER_HOME": named})


def test_settings_are_read_and_flags_win(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("shutdown: kill\nallow: [a.example.com]\n")
    environ = {"STOPPER_HOME": str(tmp_path)}
    with open_home(environ) as home:
        assert home.settings.shutdown is Shutdown.KILL
    with open_home(environ, {"shutdown": "freeze", "allow": ["b.example.com"]}) as home:
        assert home.settings.shutdown is Shutdown.FREEZE
        assert [str(rule.host) for rule in home.settings.allow] == [
            "a.example.com",
            "b.example.com",
        ]
        assert home.folder == tmp_path
    assert (tmp_path / LEDGER_FILE).stat().st_mode & 0o077 == 0


def test_orders_need_no_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("shutdwon: kill\n")
    environ = {"STOPPER_HOME": str(tmp_path)}
    with pytest.raises(SettingsError, match="did you mean 'shutdown'"):
        open_home(environ)
    with open_for_orders(environ) as home:
        assert home.ledger.runs() == []


def test_opening_settles_what_dead_owners_held(home: Home, past: Past) -> None:
    past.hold(past.run("fox", gone=True), ago=timedelta(days=1))
    assert home.ledger.open_holds() == 1
    with open_home({"STOPPER_HOME": str(home.folder)}) as again:
        assert again.ledger.open_holds() == 0
        [row] = again.ledger.pending()
    assert row.at < datetime.now(UTC)


def test_a_home_that_is_left_is_closed(tmp_path: Path) -> None:
    with open_home({"STOPPER_HOME": str(tmp_path)}) as home:
        pass
    with pytest.raises(StoreError):
        home.ledger.runs()


def test_this_process_own_environment_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "STOPPER_HOME", str(tmp_path))
    with open_home() as home, open_for_orders() as other:
        assert home.folder == other.folder == tmp_path
