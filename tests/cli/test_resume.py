"""`stopper freeze` and `stopper resume`: a bottle stops, and goes on where it was."""

import json
import subprocess
from collections.abc import Callable

import pytest
from click.testing import Result

from stopper.testing.past import Past
from stopper.testing.user import User

Typed = Callable[..., Result]
TIMEOUT_SECONDS = 60
COUNTS = "echo $(($(cat count 2>/dev/null) + 1)) > count; echo ready; exec sleep 9999"


def test_a_frozen_bottle_goes_on_where_it_was(user: User) -> None:
    count = user.workspace / "count"
    with user.start("sh", "-c", COUNTS, flags=("--name=fox", "--budget=5k")) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            frozen = user.stopper("freeze", "fox")
            _, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    assert frozen.returncode == 0
    assert frozen.stdout == b"fox is frozen. Go on with `stopper resume fox`.\n"
    assert err.decode().splitlines()[-1] == "stopper: go on with `stopper resume fox`"
    [budget] = user.table("budget", "list")
    count.write_text("edited meanwhile\n")
    (user.workspace / "new").write_text("stays")

    command = [*user.run_command()[:3], "resume", "fox"]
    with subprocess.Popen(
        command, env=user.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            assert count.read_text() == "2\n"
            assert user.stopper("kill", "fox").returncode == 0
            _, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    back, new, _ = err.decode().splitlines()[:3]
    assert back == f"stopper: put back: {count}"
    assert new == f"stopper: new since then, and left there: {user.workspace / 'new'}"
    assert (user.workspace / "new").read_text() == "stays"
    assert user.table("budget", "list", "--all") == [{**budget, "over": True}]
    assert [run["status"] for run in user.table("ps", "-a")] == ["killed", "frozen"]
    assert user.stopper("resume", "fox").stderr == (
        b"Error: Bottle 'fox' is not frozen: its status is killed.\n"
    )


def test_a_budget_goes_on_and_can_be_raised(user: User, agent: tuple[str, ...]) -> None:
    flags = ("--name=fox", "--budget=200", "--policy=freeze")
    done = user.run(*agent, *["[[mock: tokens=60]]"] * 4, flags=flags)
    assert done.returncode == 143
    assert done.stderr.decode().endswith("go on with `stopper resume fox --budget AMOUNT`\n")
    again = user.stopper("resume", "fox", "--json")
    assert again.returncode == 143
    assert json.loads(again.stderr)["stopped"]["code"].startswith("budget.")
    [spent] = user.table("budget", "list")
    more = user.stopper("resume", "fox", "--budget", "2k", "-q")
    assert (more.returncode, more.stdout.split(), more.stderr) == (0, [b"60"] * 4, b"")
    [budget] = user.table("budget", "list", "--all")
    assert budget["key"] == spent["key"]
    assert budget["limit"] == 2_000
    assert budget["spent"] == spent["spent"] + 4 * 68


def test_a_workspace_may_be_left_as_it_is(user: User) -> None:
    file = user.workspace / "file"
    script = "cat file; exec sleep 9999"
    file.write_text("before\n")
    with user.start("sh", "-c", script, flags=("--name=fox",)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"before\n"
            assert user.stopper("freeze", "fox").returncode == 0
            process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    file.write_text("after\n")
    command = [*user.run_command()[:3], "resume", "fox", "--as-it-is"]
    with subprocess.Popen(
        command, env=user.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"after\n"
            assert user.stopper("kill", "fox").returncode == 0
            _, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    assert f"stopper: left as it is: {file}" in err.decode()


REFUSED = {
    # what is wrong           words                            status  needle
    "nobody":                (("nobody",),                      2,     "There is no bottle 'nobody'. Known are: fox, ghost."),
    "what is not frozen":    (("fox",),                         2,     "Bottle 'fox' is not frozen: its status is running."),
    "a snapshot that went":  (("ghost",),                       125,   "there is no snapshot"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "status", "needle"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_go_on(
    typed: Typed, past: Past, words: tuple[str, ...], status: int, needle: str
) -> None:
    past.run("fox")
    past.run("ghost", status="frozen")
    shown = typed("resume", *words)
    assert (shown.exit_code, shown.stdout) == (status, "")
    assert needle in shown.stderr
