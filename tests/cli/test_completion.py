"""`stopper completion`: scripts for shells, and what they ask for when Tab is pressed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.testing.past import Past

Typed = Callable[..., Result]
TIMEOUT_SECONDS = 60


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_that_its_shell_can_read(typed: Typed, shell: str) -> None:
    script = typed("completion", shell)
    assert script.exit_code == 0
    assert f"_STOPPER_COMPLETE={shell}_complete" in script.stdout
    if program := shutil.which(shell):
        done = subprocess.run(
            [program, "-n"], input=script.stdout, text=True, check=False, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, "")


COMPLETED = {
    # what is typed           words                      what Tab offers
    "a command":             ("stopper bu",              ["budget", "burn"]),
    "a command's command":   ("stopper budget ",         ["list", "rm", "set"]),
    "an option":             ("stopper usage --si",      ["--since"]),
    "a choice":              ("stopper usage --by pro",  ["provider"]),
    "a bottle":              ("stopper logs f",          ["fennec", "fox"]),
    "a bottle that lives":   ("stopper cut f",           ["fox"]),
    "a bottle to resume":    ("stopper resume fe",       ["fennec"]),
    "an option's bottle":    ("stopper usage --bottle fo", ["fox"]),
    "a parent":              ("stopper run --parent fo", ["fox"]),
    "an option of run":      ("stopper run --bud",       ["--budget"]),
    "no bottle of the name": ("stopper logs q",          []),
}  # fmt: skip


@pytest.mark.parametrize(("words", "offered"), COMPLETED.values(), ids=COMPLETED)
def test_tab_offers_what_there_is(past: Past, home: Path, words: str, offered: list[str]) -> None:
    past.run("fox")
    past.run("fennec", status="ended")
    assert sorted(tab(words)) == offered


@pytest.mark.parametrize("ledger", [None, b"this was never a database"])
def test_tab_is_quiet_where_there_is_no_ledger(home: Path, ledger: bytes | None) -> None:
    if ledger is not None:
        home.mkdir(parents=True)
        (home / "stopper.db").write_bytes(ledger)
    assert tab("stopper logs f") == []
    assert ledger is not None or not home.exists()


def tab(words: str) -> list[str]:
    """What bash is offered at the end of these words."""
    given = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "stopper"],
        env={**os.environ, **given, "_STOPPER_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]
