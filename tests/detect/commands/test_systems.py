"""Windows, clouds, databases, git and interpreters: their labelled rows."""

from collections.abc import Iterator
from pathlib import Path

from stopper.detect.commands import is_dangerous, judge_command

CORPUS = Path(__file__).parent.parent / "corpus"


def rows(name: str) -> Iterator[str]:
    """The lines of a set but for its first, which explains them."""
    for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()[1:]:
        yield line.replace("⏎", "\n")


def test_every_dangerous_command_is_seen() -> None:
    """No row is missed, and each shows the effect it is labelled with."""
    for row in rows("dangerous-systems-2.tsv"):
        kind, _, command = row.partition("\t")
        judgement = judge_command(command)
        assert is_dangerous(judgement), command
        assert kind in judgement.kinds, command


def test_ordinary_commands_pass() -> None:
    commands = list(rows("ordinary-systems-2.txt"))
    assert not [command for command in commands if is_dangerous(judge_command(command))]
