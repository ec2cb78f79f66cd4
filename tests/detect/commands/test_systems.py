"""Windows, clouds, databases, git and interpreters: their labelled rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stopper.detect.commands import is_dangerous, judge_command

SETS = (2, 3)
CORPUS = Path(__file__).parent.parent / "corpus"


def rows(name: str) -> Iterator[str]:
    """The lines of a set but for its first, which explains them."""
    for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()[1:]:
        yield line.replace("⏎", "\n")


@pytest.mark.parametrize("number", SETS)
def test_every_dangerous_command_is_seen(number: int) -> None:
    """No row is missed, and each shows the effect it is labelled with."""
    for row in rows(f"dangerous-systems-{number}.tsv"):
        kind, _, command = row.partition("\t")
        judgement = judge_command(command)
        assert is_dangerous(judgement), command
        assert kind in judgement.kinds, command


@pytest.mark.parametrize("number", SETS)
def test_ordinary_commands_pass(number: int) -> None:
    commands = list(rows(f"ordinary-systems-{number}.txt"))
    assert not [command for command in commands if is_dangerous(judge_command(command))]
