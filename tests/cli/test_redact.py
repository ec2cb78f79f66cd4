"""`stopper redact`: what goes through, what does not, and when."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stopper.cli.app import stopper
from stopper.detect.rules import fill

TOKEN = fill("ghp_{alnum:36}", "redact")
OTHER = fill("glpat-{alnum:20}", "redact")
COMMAND = [sys.executable, "-c", "from stopper.cli import main; main()", "redact"]


def redacted(data: bytes, *words: str) -> bytes:
    """What comes out of the command."""
    result = CliRunner().invoke(stopper, ["redact", *words], input=data, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout_bytes


CASES = {
    # what goes in         the text                                     what comes out
    "nothing":             (b"",                                        b""),
    "no secrets":          (b"one\ntwo\r\n\xff\0three",                 b"one\ntwo\r\n\xff\0three"),
    "a token":             (f"a {TOKEN} b\n".encode(),                  b"a [REDACTED:GITHUB_TOKEN] b\n"),
    "without a line end":  (f"a {TOKEN}".encode(),                      b"a [REDACTED:GITHUB_TOKEN]"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "after"), CASES.values(), ids=CASES)
def test_what_comes_out(home: Path, data: bytes, after: bytes) -> None:
    assert redacted(data) == after


def test_json_stays_json(home: Path) -> None:
    value = {"a": [1, None, {"token": TOKEN, "text": f'say "{OTHER}"'}], "password": "x9!kQ2#vv"}
    for indent in (None, 2):
        after = json.loads(redacted(json.dumps(value, indent=indent).encode()))
        assert after["a"][2]["token"] == "[REDACTED:GITHUB_TOKEN]"
        assert after["a"][:2] == [1, None]


def test_tags_tell_equal_secrets_equal(home: Path) -> None:
    data = f"{TOKEN} and {OTHER} and {TOKEN} again"
    first, second, third = redacted(data.encode(), "--tag").split()[::2][:3]
    assert first == third
    assert first.startswith(b"[REDACTED:GITHUB_TOKEN#")
    assert second != first


def test_lines_go_on_as_they_come(home: Path) -> None:
    """The reader has each answer before more is written, or this never ends."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, after in (
            (b"GET / 200 fine.\n", b"GET / 200 fine.\n"),
            (f"key {TOKEN} used.\n".encode(), b"key [REDACTED:GITHUB_TOKEN] used.\n"),
        ):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == after
        process.stdin.close()
    assert process.returncode == 0
