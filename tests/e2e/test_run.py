"""`stopper run` from outside: its status, its pipes, its signals, and how it stops an agent."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stopper.core.usage import Quality
from stopper.testing.provider import Remote
from stopper.testing.user import User

AGENT = Path(__file__).with_name("stopped_agent.py")
TIMEOUT_SECONDS = 30
KILLED = 128 + signal.SIGKILL

STATUSES = {
    # how the agent ends     command               expected status
    "well":                  ("exit 0",             0),
    "with a fault":          ("exit 37",            37),
    "by its own signal":     ("kill -TERM $$",      128 + signal.SIGTERM),
    "by one not to catch":   ("kill -KILL $$",      KILLED),
}  # fmt: skip


@pytest.mark.parametrize(("command", "status"), STATUSES.values(), ids=STATUSES)
def test_the_exit_status_is_the_agents_own(user: User, command: str, status: int) -> None:
    assert user.run("sh", "-c", command).returncode == status
    [run] = user.table("ps", "--all")
    assert (run["status"], run["exit_code"]) == ("ended", status)


def test_a_command_that_does_not_exist_starts_nothing(user: User) -> None:
    done = user.run("no-such-agent")
    assert done.returncode != 0
    assert b"no-such-agent" in done.stderr
    assert user.table("ps", "--all") == []


def test_pipes_carry_every_byte(user: User) -> None:
    given = random.Random(1).randbytes(1_000_003)  # noqa: S311  any bytes will do
    done = user.run("sh", "-c", "cat; echo said >&2", given=given)
    assert done.returncode == 0
    assert done.stdout == given
    assert b"said\n" in done.stderr


def test_sigterm_reaches_the_agent_which_may_end_in_its_own_way(user: User) -> None:
    with started(user, "trap 'echo bye; exit 9' TERM; echo ready; sleep 9999 & wait") as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, out) == (9, b"bye\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_kills_whatever_runs_in_the_bottle(
    user: User, number: signal.Signals
) -> None:
    mark = f"{os.getpid()}{number}9999"
    daemons = f"(trap '' TERM INT HUP; sleep {mark} & setsid sleep {mark} &)"
    stubborn = f"trap 'echo heard' TERM INT HUP; {daemons}; echo ready; "
    with started(user, stubborn + f"while :; do sleep {mark} & wait; done") as process:
        process.send_signal(number)
        read_line(process, b"heard\n")
        assert len(processes_with(mark)) > 2
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == KILLED
    assert processes_with(mark) == []
    [run] = user.table("ps", "--all")
    assert (run["status"], run["exit_code"]) == ("ended", KILLED)


def test_each_refusal_for_a_spent_budget_is_raised_once(user: User, provider: Remote) -> None:
    done = run_agent(user, "spend", "[[mock: tokens=60]]", "--budget=2000")
    assert done.returncode == 0, done.stderr.decode()
    calls = lines_of(done.stdout)
    assert [call["api"] for call in calls] == ["messages"] * 2 + ["chat"] * 2 + ["responses"] * 2
    for call in calls:
        assert "[stopper budget.exhausted]" in call["message"], call
        assert 400 <= call["status"] < 500
    tally = provider.settled()
    posts = [seen for seen in provider.requests() if seen.method == "POST"]
    assert len(posts) == tally.total.billed.requests > 10
    assert 1000 < tally.total.billed.total <= 2000
    assert user.books() == {name: account.billed for name, account in tally.models.items()}
    with user.ledger() as ledger:
        refused = [row.fact["count"] for row in ledger.audit() if row.act == "refuse"]
        assert sum(int(count or 0) for count in refused) == len(calls)
        assert ledger.open_holds() == 0
    [run] = user.table("ps", "--all")
    assert (run["status"], run["exit_code"]) == ("cut", 0)


def test_the_policy_kill_leaves_no_agent_to_be_refused(user: User, provider: Remote) -> None:
    done = run_agent(user, "spend", "[[mock: tokens=60]]", "--budget=1000", "--policy=kill")
    assert done.returncode == KILLED
    assert len(lines_of(done.stdout)) <= 1
    assert provider.settled().total.billed.total <= 1000
    [run] = user.table("ps", "--all")
    assert (run["status"], run["exit_code"]) == ("killed", KILLED)


@pytest.mark.parametrize("act", ["cut", "kill"])
def test_an_order_from_another_terminal_ends_open_streams(
    user: User, provider: Remote, act: str
) -> None:
    flags = ("--name=fox",)
    with started_agent(user, "stream", "[[mock: tokens=100 delay_ms=500]]", flags) as process:
        ordered = user.stopper(act, "fox")
        assert ordered.returncode == 0, ordered.stderr.decode()
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    code = {"cut": "bottle.cut", "kill": "bottle.killed"}[act]
    assert f"[stopper {code}]".encode() in err
    if act == "cut":
        assert process.returncode == 0, err.decode()
        assert sorted(call["api"] for call in lines_of(out)) == ["chat", "messages", "responses"]
        for call in lines_of(out):
            assert f"[stopper {code}]" in call["message"], call
            assert call["error"] != "APIConnectionError"
    tally = provider.settled()
    assert tally.total.billed.requests == 3
    assert tally.total.completed.requests == 0
    with user.ledger() as ledger:
        rows = [row for _, row in ledger.rows()]
        assert [(row.ending, row.code, row.usage.quality) for row in rows] == [
            ("cut", code, Quality.ESTIMATED)
        ] * 3
        assert sum(row.usage.total for row in rows) >= tally.total.billed.total
        assert ledger.open_holds() == 0
        assert ledger.verify_audit() is None
    [run] = user.table("ps", "--all")
    assert run["status"] == {"cut": "cut", "kill": "killed"}[act]


@contextmanager
def started(user: User, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A shell script in a bottle that has said `ready`."""
    with closing(user.start("sh", "-c", script)) as process:
        read_line(process, b"ready\n")
        yield process


@contextmanager
def started_agent(
    user: User, mode: str, prompt: str, flags: tuple[str, ...]
) -> Iterator[subprocess.Popen[bytes]]:
    """The agent with all its streams open."""
    with closing(user.start(*_agent(user, mode, prompt), flags=flags)) as process:
        read_line(process, b"open\n")
        yield process


@contextmanager
def closing(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Kills the process where a test leaves early, for the bottle dies with it."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def run_agent(
    user: User, mode: str, prompt: str, *flags: str
) -> subprocess.CompletedProcess[bytes]:
    """The agent, to its end."""
    return user.run(*_agent(user, mode, prompt), flags=flags)


def lines_of(out: bytes) -> list[dict[str, Any]]:
    """What the agent said of its calls."""
    return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


def processes_with(mark: str) -> list[int]:
    """The processes inside the bottle, and those that hold it, by a mark in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if mark.encode() in words and b"stopper" not in words:
            found.append(int(folder.name))
    return found


def read_line(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Wait until the agent says this."""
    assert process.stdout is not None
    if process.stdout.readline() != line:
        process.kill()
        raise AssertionError(process.communicate(timeout=TIMEOUT_SECONDS)[1].decode())


def _agent(user: User, mode: str, prompt: str) -> tuple[str, ...]:
    shutil.copy(AGENT, user.workspace)
    return (sys.executable, str(user.workspace / AGENT.name), mode, prompt)
