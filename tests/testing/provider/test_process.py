"""The provider as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from stopper.testing.provider import Fault, Remote, Script, main, provider_process

CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def test_lines_survive_a_kill(tmp_path: Path) -> None:
    """Every bill that was closed is in the file, whatever becomes of the process."""
    path = tmp_path / "tally"
    with provider_process(tally_path=path) as remote:
        remote.say(Script(tokens=3, input=5), Script(tokens=4, input=5))
        for _ in range(2):
            assert ask(remote) == 200
        os.kill(remote.pid, signal.SIGKILL)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["output"], row["input"], row["outcome"]) for row in rows] == [
        (3, 5, "completed"),
        (4, 5, "completed"),
    ]


def test_lines_are_appended(tmp_path: Path) -> None:
    """A second process adds to the file of the first."""
    for _ in range(2):
        with provider_process(tally_path=tmp_path / "tally") as remote:
            ask(remote)
    assert len((tmp_path / "tally").read_text().splitlines()) == 2


def test_bad_scripts_are_named(provider: Remote) -> None:
    """What the other process refuses is raised here."""
    with pytest.raises(ValueError, match="status"):
        provider.say(Script(fault=Fault(200)))


def test_it_shares_no_code_with_what_it_checks() -> None:
    """Neither meter nor egress nor stores is loaded, not even by a detour."""
    code = "import sys, stopper.testing.provider; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    parts = {name.split(".")[1] for name in loaded.stdout.decode().split() if "stopper." in name}
    assert parts == {"testing"}


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help shows how to write a script into a prompt."""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "[[mock: tokens=400 delay_ms=20]]" in capsys.readouterr().out


def ask(remote: Remote) -> int:
    connection = HTTPConnection("127.0.0.1", remote.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", CHAT)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status
