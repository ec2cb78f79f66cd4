from collections.abc import Iterator
from pathlib import Path

import pytest

from stopper.detect.commands import is_dangerous, judge_command

CORPUS = Path(__file__).parent.parent / "corpus"
SETS = ("", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9", "-unix-2", "-unix-3", "-local")
MOST_FALSE_ALARMS = 0.005
FEWEST_DANGEROUS = 400
FEWEST_ORDINARY = 1000
EFFECTS = 14


def rows(name: str) -> Iterator[str]:
    """The lines of a set but for its first, which explains them."""
    for line in (CORPUS / name).read_text(encoding="utf-8").split("\n")[1:]:
        if line and not (line.startswith("# ") and "⏎" not in line):
            yield line.replace("⏎", "\n")


def dangerous(number: str) -> Iterator[tuple[str, str]]:
    for line in rows(f"dangerous{number}.tsv"):
        kind, _, command = line.partition("\t")
        yield kind, command


@pytest.mark.parametrize("number", SETS)
def test_every_dangerous_command_is_seen(number: str) -> None:
    """No row of the sets is missed, and each shows the effect it is labelled with."""
    for kind, command in dangerous(number):
        judgement = judge_command(command)
        assert is_dangerous(judgement), command
        assert kind in judgement.kinds, command


@pytest.mark.parametrize("number", SETS)
def test_ordinary_commands_pass(number: str) -> None:
    commands = list(rows(f"ordinary{number}.txt"))
    alarms = [command for command in commands if is_dangerous(judge_command(command))]
    assert len(alarms) <= MOST_FALSE_ALARMS * len(commands), alarms


def test_the_sets_are_large_and_apart() -> None:
    """Enough rows in every effect, and none that is both dangerous and ordinary."""
    bad = [row for number in SETS for row in dangerous(number)]
    fine = {row for number in SETS for row in rows(f"ordinary{number}.txt")}
    assert len({command for _, command in bad}) >= FEWEST_DANGEROUS
    assert len(fine) >= FEWEST_ORDINARY
    assert len({kind for kind, _ in bad}) == EFFECTS
    assert not fine & {command for _, command in bad}
