"""`stopper logs`: what a bottle did, oldest first, in sentences that cannot steer a terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stopper.cli.logs import FOLLOW_SECONDS
from stopper.core.usage import Quality, Usage
from stopper.stores.ledger import Ledger
from stopper.testing.past import Past

Typed = Callable[..., Result]
TIMEOUT_SECONDS = 60
ESCAPE = "\x1b[2J\x1b]0;owned\x07"


def test_a_run_from_its_start_to_its_end(typed: Typed, past: Past, ledger: Ledger) -> None:
    run = past.run("fox")
    past.call(run, millis=1_200)
    ledger.note(run.id, "refuse", "network.metadata", {"detail": "169.254.169.254:80"}, past.now)
    ledger.end_run(run.id, "ended", 3, past.now)
    lines = typed("logs", "fox").stdout.splitlines()
    said = sorted(line[21:] for line in lines)
    assert said == [
        "call        anthropic claude-sonnet-5: 100 in, 20 out, $0.001, measured, 1.2 s",
        "refuse      169.254.169.254:80 is a cloud's metadata service.",
        "run.end     The run is over (ended) with exit status 3.",
        "run.start   Started claude in bottle fox.",
    ]
    assert all(line[:4].isdigit() for line in lines)


def test_json_has_a_document_for_each_line(typed: Typed, past: Past, ledger: Ledger) -> None:
    run = past.run("fox")
    usage = Usage(input=1, output=2, cache_read=3, quality=Quality.ESTIMATED)
    past.call(run, usage=usage, ending="cut", code="bottle.cut")
    shown = [json.loads(line) for line in typed("logs", "fox", "--json").stdout.splitlines()]
    [call] = [line for line in shown if line["act"] == "call"]
    assert call["usage"]["cache_read"] == 3
    assert (call["code"], call["ending"], call["run"]) == ("bottle.cut", "cut", run.id)
    assert call["sentence"].endswith("ended: cut (bottle.cut)")
    [start] = [line for line in shown if line["act"] == "run.start"]
    assert start["fact"]["bottle"] == "fox"
    assert len(start["hash"]) == 64


def test_the_newest_run_of_a_bottle_is_meant(typed: Typed, past: Past) -> None:
    old = past.run("fox", "claude", status="ended")
    past.run("fox", "codex")
    assert "Started codex in bottle fox." in typed("logs", "fox").stdout
    assert "Started claude in bottle fox." in typed("logs", old.id).stdout


def test_what_an_agent_chose_is_shown_and_not_obeyed(
    typed: Typed, past: Past, ledger: Ledger
) -> None:
    run = past.run("fox")
    past.call(run, ESCAPE)
    ledger.note(run.id, "refuse", "network.not_allowed", {"detail": ESCAPE}, past.now)
    for flags in ((), ("--json",)):
        shown = typed("logs", "fox", *flags).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown


def test_nobody_of_this_name(typed: Typed, past: Past) -> None:
    past.run("fox")
    shown = typed("logs", "fxo")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "There is no bottle 'fxo'. Did you mean 'fox'? Known are: fox." in shown.stderr


ENDED = {
    # what became of it       the run
    "it has ended":           {"status": "ended"},
    "its process is gone":    {"gone": True},
}  # fmt: skip


@pytest.mark.parametrize("run", ENDED.values(), ids=ENDED)
def test_following_ends_where_nothing_can_follow(
    typed: Typed, past: Past, run: dict[str, str | bool]
) -> None:
    past.run("fox", **run)  # type: ignore[arg-type]
    assert typed("logs", "--follow", "fox").exit_code == 0


def test_following_shows_what_comes_until_the_end(past: Past, ledger: Ledger, home: Path) -> None:
    run = past.run("fox")
    follow = [sys.executable, "-m", "stopper", "logs", "-f", "fox"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Started" in process.stdout.readline()
        past.call(run)
        assert "claude-sonnet-5" in process.stdout.readline()
        ledger.end_run(run.id, "killed", 137, past.now)
        assert "(killed) with exit status 137" in process.stdout.readline()
        assert process.wait(TIMEOUT_SECONDS) == 0
    assert FOLLOW_SECONDS < 1


def test_lines_hang_where_a_terminal_is_narrow(past: Past, home: Path) -> None:
    past.call(past.run("fox"))
    master, slave = os.openpty()
    environ = {**os.environ, "COLUMNS": "67", "TERM": "dumb"}
    show = [sys.executable, "-m", "stopper", "logs", "fox"]
    try:
        subprocess.run(show, stdout=slave, env=environ, check=True, timeout=TIMEOUT_SECONDS)
        shown = os.read(master, 4096).decode().replace("\r\n", "\n")
    finally:
        os.close(slave)
        os.close(master)
    lines = [line[33:] for line in shown.splitlines() if "call" in line or line.startswith(" ")]
    assert lines == ["anthropic claude-sonnet-5: 100 in,", "20 out, $0.001, measured"]
    assert "\x1b" not in shown
