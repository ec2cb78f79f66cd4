"""A run on a terminal: what is said, in which colours, and how wide."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

from stopper.core.budget import Budget, Unit, Window
from stopper.core.usage import Quality, Usage
from stopper.testing.past import Past
from stopper.testing.user import User

TIMEOUT_SECONDS = 60
MAX_BYTES = 1 << 20
SGR = re.compile(r"\x1b\[\d*m")
DIM, RED, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"


def on_a_terminal(
    user: User, *command: str, columns: int = 80, environ: Mapping[str, str] = {}
) -> list[str]:
    """The lines that a person sees who types this on a terminal of this width."""
    master, slave = os.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen(
        command,
        env={**user.environ, "TERM": "xterm", **environ},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        shown = b""
        while len(shown) < MAX_BYTES:
            try:
                shown += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
        os.close(master)
        process.wait(TIMEOUT_SECONDS)
    return shown.decode().replace("\r\n", "\n").splitlines()


def test_the_end_of_a_run_fits_and_stands_behind_the_agents_own_words(
    user: User, agent: tuple[str, ...]
) -> None:
    prompts = ["[[mock: tokens=60]]"] * 4
    command = user.run_command(*agent, *prompts, flags=("--name=fox", "--budget=200"))
    opening, *lines = on_a_terminal(user, *command)
    assert opening == f"{DIM}stopper: bottle fox (python), budget 200 tokens, policy cutoff{PLAIN}"
    assert all(len(SGR.sub("", line)) <= 80 for line in lines)
    table = next(place for place, line in enumerate(lines) if "figures" in line)
    assert "402" in lines[:table]
    assert lines[table].startswith("\x1b[1mmodel")
    assert "─" * 20 in lines[table + 1]
    assert lines[table + 2].startswith("claude-sonnet-5")
    end = lines[table + 3 :]
    assert end[0].startswith(f"{RED}stopper: cut: [stopper budget.exhausted] ")
    assert all(line.startswith(RED) and line.endswith(PLAIN) for line in end)


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_those_who_want_it(
    user: User, environ: dict[str, str], coloured: bool
) -> None:
    lines = on_a_terminal(user, sys.executable, "-m", "stopper", "ps", environ=environ)
    assert lines == [
        "\x1b[2mNothing is running. `stopper ps --all` lists what ran before.\x1b[0m"
        if coloured
        else "Nothing is running. `stopper ps --all` lists what ran before."
    ]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize(
    "words", [("ps", "-a"), ("usage", "--by", "model"), ("budget", "list", "-a"), ("logs", "fox")]
)
def test_no_table_is_wider_than_the_terminal(
    user: User, columns: int, words: tuple[str, ...]
) -> None:
    with user.ledger() as ledger:
        past = Past(ledger)
        fox = past.run("fox")
        big = Usage(5_000_000, 1_234_567, 7_654_321, 98_765_432, 12, quality=Quality.ESTIMATED)
        past.call(fox, "claude-sonnet-4-5-20250929", usage=big, micros=1_234_567_890)
        past.call(fox, "gpt-5-mini")
        limit = Budget(fox.path[0], Unit.TOKENS, 123_456_789, Window.DAY, "anthropic")
        ledger.set_budget(limit, past.now)
    lines = on_a_terminal(
        user, sys.executable, "-m", "stopper", *words, columns=columns, environ={"NO_COLOR": "1"}
    )
    assert len(lines) > 2
    assert columns == 40 or max(map(len, lines)) <= columns
