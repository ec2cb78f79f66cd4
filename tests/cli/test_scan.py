"""`stopper scan`: what it prints, what it never prints, and how it ends."""

import base64
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stopper.cli.app import stopper
from stopper.detect.rules import fill

Typed = Callable[..., Result]

TOKEN = fill("ghp_{alnum:36}", "scan")
OTHER = fill("glpat-{alnum:20}", "scan")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project to type in, without secrets."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.py").write_text("print('hello')\n")
    monkeypatch.chdir(folder)
    return folder


def shown(result: Result) -> list[dict[str, Any]]:
    """What `--json` lists."""
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return findings


def test_clean(typed: Typed, tree: Path) -> None:
    result = typed("scan", ".")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No secrets in 1 file (0.0 MB).\n"


def test_a_finding_for_a_person(typed: Typed, tree: Path) -> None:
    (tree / "src" / "keys.py").write_text(f"# ä\nkey = '{TOKEN}'\n")
    result = typed("scan", ".")
    assert result.exit_code == 1
    assert TOKEN not in result.output
    row = result.stdout.splitlines()[1]
    assert row.startswith("src/keys.py:2:8  GitHub personal access token (github-token)  critical")


def test_a_finding_for_machines(typed: Typed, tree: Path) -> None:
    hidden = base64.b64encode(f"the token is {TOKEN} yes".encode()).decode()
    (tree / "a.txt").write_text(f"plain\n{hidden}\n")
    result = typed("scan", "a.txt", "--json")
    (one,) = shown(result)
    assert result.exit_code == 1
    assert (one["path"], one["line"], one["rule"]) == ("a.txt", 2, "github-token")
    assert one["decoded"] == ["base64"]
    assert hidden[20:40] not in result.output


def test_equal_secrets_have_equal_fingerprints_and_other_homes_have_others(
    typed: Typed, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "a.txt").write_text(TOKEN)
    (tree / "b.txt").write_text(f"{OTHER}\n{TOKEN}")
    first, second, third = (one["fingerprint"] for one in shown(typed("scan", ".", "--json")))
    assert first == third != second
    monkeypatch.setenv("STOPPER_HOME", str(tree.parent / "another"))
    assert first not in {one["fingerprint"] for one in shown(typed("scan", ".", "--json"))}


def test_sarif(typed: Typed, tree: Path) -> None:
    (tree / "src" / "a b.py").write_text(f"x = '{TOKEN}'\n")
    (tree / "large.txt").write_text("x" * 2000)
    result = typed("scan", ".", "--sarif", "--max-size", "1k")
    (run,) = json.loads(result.stdout)["runs"]
    (one,) = run["results"]
    place = one["locations"][0]["physicalLocation"]
    assert result.exit_code == 1
    assert TOKEN not in result.output
    assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    assert place["artifactLocation"]["uri"] == "src/a%20b.py"
    assert place["region"] == {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 46}
    (missed,) = run["invocations"][0]["toolExecutionNotifications"]
    assert missed["level"] == "note"


class TestAllowed:
    def test_comments_count_only_where_the_person_says_so(self, typed: Typed, tree: Path) -> None:
        (tree / "a.py").write_text(f"x = '{TOKEN}'  # stopper:allow\n")
        (tree / "b.py").write_text(f"x = '{OTHER}'  # Gitleaks:Allow\n")
        (tree / "c.py").write_text(f"# stopper:allow\nx = '{TOKEN}'\n# gitleaks:allow\n")
        assert len(shown(typed("scan", ".", "--json"))) == 3
        result = typed("scan", ".", "--json", "--inline-allow")
        assert [one["path"] for one in shown(result)] == ["c.py"]
        assert json.loads(result.stdout)["allowed"] == 2

    def test_fingerprints_in_the_settings(self, typed: Typed, tree: Path, home: Path) -> None:
        (tree / "a.py").write_text(TOKEN)
        (one,) = shown(typed("scan", ".", "--json"))
        (home / "settings.yml").write_text(f"allow_secrets: [{one['fingerprint']}]\n")
        result = typed("scan", ".")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "1 allowed" in result.stderr

    def test_one_that_may_go_to_a_host_may_not_stay_anywhere(
        self, typed: Typed, tree: Path, home: Path
    ) -> None:
        (tree / "a.py").write_text(TOKEN)
        (one,) = shown(typed("scan", ".", "--json"))
        said = f"allow_secrets: [{one['fingerprint']} to api.example.com]\n"
        (home / "settings.yml").write_text(said)
        assert typed("scan", ".").exit_code == 1


def test_stdin(home: Path) -> None:
    words = ["scan", "-"]
    result = CliRunner().invoke(stopper, words, input=f"a\nkey {TOKEN}\n")
    assert (result.exit_code, TOKEN in result.output) == (1, False)
    assert "stdin:2:5" in result.stdout
    assert CliRunner().invoke(stopper, words, input="a\n").exit_code == 0
    assert CliRunner().invoke(stopper, words, input=f"{TOKEN}  # stopper:allow").exit_code == 1


def test_the_name_of_a_file_may_be_a_secret(typed: Typed, tree: Path) -> None:
    (tree / f"{TOKEN}.txt").write_text(OTHER)
    for words in ((), ("--json",), ("--sarif",)):
        result = typed("scan", ".", *words)
        assert result.exit_code == 1
        assert TOKEN not in result.output
        assert OTHER not in result.output


NAMES: dict[str, tuple[list[str], str]] = {
    # how it is told       the words      the name of the file in it
    "for a person":      ([],             r"bad\xff.txt:1:1"),
    "for machines":      (["--json"],     r'"bad\\xff.txt"'),
    "for code hosts":    (["--sarif"],    '"bad%FF.txt"'),
}  # fmt: skip


@pytest.mark.parametrize(("words", "name"), NAMES.values(), ids=NAMES)
def test_a_name_that_is_no_text(typed: Typed, tree: Path, words: list[str], name: str) -> None:
    (tree / ".gitignore").write_text("*.log")
    (tree / "bad\udcff.txt").write_text(TOKEN)
    result = typed("scan", ".", *words)
    assert result.exit_code == 1
    assert name in result.stdout


def test_patterns_that_are_none_leave_out_nothing(typed: Typed, tree: Path) -> None:
    (tree / ".gitignore").write_text("[z-a]\n*.log\n")
    (tree / "a.txt").write_text(TOKEN)
    (tree / "a.log").write_text(TOKEN)
    result = typed("scan", ".", "--json")
    assert (result.exit_code, [one["path"] for one in shown(result)]) == (1, ["a.txt"])
    assert result.stderr == ""


FAULTS: dict[str, tuple[list[str], str]] = {
    "no path":              ([],                            "Missing argument"),
    "no such file":         (["none"],                      "none cannot be read"),
    "a device":             ([os.devnull],                  "neither a file nor a folder"),
    "a file too large":     (["src/main.py", "--max-size", "9"], "more than 9 bytes: see --max-size"),
    "no size":              (["src", "--max-size", "ten"],  "'ten' is no size"),
    "stdin and a file":     (["-", "src"],                  "stands alone"),
    "two formats":          (["src", "--json", "--sarif"],  "choose one"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "complaint"), FAULTS.values(), ids=FAULTS)
def test_what_makes_no_sense(typed: Typed, tree: Path, words: list[str], complaint: str) -> None:
    result = typed("scan", *words)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_the_bar_is_for_terminals_alone(tree: Path, home: Path) -> None:
    """A process of its own, once with a terminal for stderr and once with a pipe."""
    code = (
        "from stopper.cli import scan, main; scan.SECONDS_BEFORE_BAR = 0; import sys;"
        "sys.argv[1:] = ['scan', '.']; main()"
    )
    command = [sys.executable, "-c", code]
    piped = subprocess.run(command, capture_output=True, check=True)
    ours, theirs = pty.openpty()
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=True)
        seen = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"100%" in seen
    assert b"%" not in piped.stderr
