"""What several commands share: names that are completed, and `--json`."""

from pathlib import Path

import click

from stopper.cli.options import bottles, json_option, live_bottles
from stopper.testing.past import Past


def offered(complete: object, typed: str) -> list[str]:
    """What a completion gives for what was typed."""
    command = click.Command("x")
    option = click.Option(["--bottle"])
    assert callable(complete)
    return list(complete(click.Context(command), option, typed))


def test_names_come_from_the_ledger(past: Past) -> None:
    past.run("fox")
    past.run("fennec", status="ended")
    past.run("owl")
    assert offered(bottles, "") == ["fennec", "fox", "owl"]
    assert offered(bottles, "f") == ["fennec", "fox"]
    assert offered(live_bottles, "f") == ["fox"]
    assert offered(live_bottles, "x") == []


def test_nothing_is_made_where_nothing_is(home: Path) -> None:
    assert offered(bottles, "") == []
    assert not home.exists()


def test_json_is_a_flag() -> None:
    command = json_option(click.Command("x"))
    [option] = command.params
    assert (option.opts, option.name, option.is_flag) == (["--json"], "as_json", True)
