"""`stopper cut`, `freeze` and `kill`: orders to real bottles, and to none."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import Result

from stopper.cli import orders
from stopper.stores.ledger import Ledger
from stopper.testing.past import Past
from stopper.testing.user import User

Typed = Callable[..., Result]
TIMEOUT_SECONDS = 60
LIVES = "echo ready; exec sleep 9999"

REFUSED = {
    # what is typed             words                          needle
    "nobody":                  (("cut",),                      "Name one bottle, or write --all."),
    "somebody and everybody":  (("kill", "fox", "--all"),      "Name one bottle, or write --all."),
    "nobody to freeze":        (("freeze",),                   "Missing argument 'BOTTLE'"),
    "a name mistyped":         (("cut", "fxo"),                "no bottle 'fxo'. Did you mean 'fox'? Running: fox."),
    "what is over":            (("kill", "ended"),             "Bottle 'ended' is not running: its status is ended. Running: fox."),
    "what cannot be frozen":   (("freeze", "gone"),            "cannot be frozen: its process is gone. `stopper kill gone`"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "needle"), REFUSED.values(), ids=REFUSED)
def test_an_order_that_nobody_can_be_given(
    typed: Typed, past: Past, ledger: Ledger, words: tuple[str, ...], needle: str
) -> None:
    fox = past.run("fox")
    past.run("ended", status="ended")
    if "gone" in words:
        past.run("gone", gone=True)
    shown = typed(*words)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert needle in shown.stderr
    assert ledger.orders(fox.id) == []


@pytest.mark.parametrize("act", ["cut", "kill"])
def test_there_is_nobody_at_all(typed: Typed, act: str) -> None:
    shown = typed(act, "--all")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "Nothing is running.\n")


@pytest.mark.parametrize("act", ["cut", "kill"])
def test_a_run_whose_process_is_gone_is_taken_off_the_list(
    typed: Typed, past: Past, act: str
) -> None:
    past.run("fox", gone=True)
    shown = typed(act, "fox")
    assert (shown.exit_code, shown.stdout) == (0, "fox is gone: its process had died already.\n")
    assert json.loads(typed("ps", "--json").stdout) == []


def test_a_run_that_does_not_answer(
    typed: Typed, past: Past, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_PAUSES", 25)
    monkeypatch.setattr(orders, "PAUSE_SECONDS", 0)
    fox = past.run("fox")
    shown = typed("cut", "fox")
    assert (shown.exit_code, shown.stdout) == (1, "")
    waiting, late = shown.stderr.splitlines()
    assert waiting == "Waiting for the cut; Ctrl-C leaves the order standing."
    assert late.startswith("fox has not done it yet; the order stands. Look at `stopper logs fox`")
    assert [order.act for order in ledger.orders(fox.id)] == ["cut"]


ENDINGS = {
    # the order    how the run ends    status  what is said
    "cut":        ("cut",              0,      "fox is cut off: nothing leaves it any more."),
    "kill":       ("ended",            0,      "fox is over: it ended before it could be told."),
    "freeze":     ("ended",            1,      "fox is not frozen, and runs no more: look at `stopper logs fox`."),
}  # fmt: skip


@pytest.mark.parametrize("act", ENDINGS)
def test_a_run_that_ends_meanwhile(
    typed: Typed, past: Past, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    ending, status, said = ENDINGS[act]
    fox = past.run("fox")
    monkeypatch.setattr("time.sleep", lambda _: ledger.end_run(fox.id, ending, 0, past.now))
    shown = typed(act, "fox")
    assert (shown.exit_code, shown.output) == (status, f"{said}\n")


def test_ctrl_c_leaves_the_order_standing(
    typed: Typed, past: Past, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    fox = past.run("fox")
    shown = typed("kill", "fox")
    assert (shown.exit_code, shown.stderr) == (130, "Not waiting any more; the order stands.\n")
    assert [order.act for order in ledger.orders(fox.id)] == ["kill"]


@contextmanager
def living(user: User, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """A bottle that lives until it is stopped."""
    with user.start("sh", "-c", LIVES, flags=flags) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_a_bottle_that_is_cut_lives_and_a_killed_one_does_not(user: User) -> None:
    with living(user, "--name=fox") as process:
        cut = user.stopper("cut", "fox")
        assert (cut.returncode, cut.stderr) == (0, b"")
        assert cut.stdout == b"fox is cut off: nothing leaves it any more. Its agent still runs.\n"
        [row] = user.table("ps")
        assert (row["bottle"], row["status"]) == ("fox", "cut")
        killed = user.stopper("kill", "fox")
        assert (killed.returncode, killed.stdout) == (0, b"fox is killed.\n")
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 137
    assert b"stopper: cut: [stopper bottle.cut]" in err
    assert b"stopper: kill: [stopper bottle.killed]" in err
    [row] = user.table("ps", "--all")
    assert row["status"] == "killed"


def test_everybody_is_killed_at_once(user: User) -> None:
    with living(user, "--name=fox") as fox, living(user, "--name=owl") as owl:
        done = user.stopper("kill", "--all")
        assert (done.returncode, done.stderr) == (0, b"")
        assert sorted(done.stdout.splitlines()) == [b"fox is killed.", b"owl is killed."]
        assert [process.wait(TIMEOUT_SECONDS) for process in (fox, owl)] == [137, 137]
    assert user.table("ps") == []
