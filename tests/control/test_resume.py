"""A frozen run is taken up again: same paths, same name, budgets that go on."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from stopper.bottle.freeze import freeze
from stopper.control.home import Home
from stopper.control.planned import Planned, RunOptions, plan_run
from stopper.control.resume import Frozen, drop_replaced, find_frozen, thaw
from stopper.control.run import SNAPSHOTS
from stopper.errors import BottleError, UsageError
from stopper.testing.past import Past

Stopped = Callable[..., Planned]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below somebody's home."""
    folder = tmp_path / "home" / "work"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    return folder


@pytest.fixture
def stopped(home: Home, past: Past, workspace: Path) -> Stopped:
    """Records a run that was asked for these things and frozen."""

    def stop(*budget: str, name: str = "fox", command: tuple[str, ...] = ("true",)) -> Planned:
        options = RunOptions(
            command=command,
            name=name,
            budget=budget,
            workspace=str(workspace),
            allow=("docs.example.org",),
        )
        planned = plan_run(options, home)
        home.ledger.add_run(planned.run)
        for one in planned.budgets:
            home.ledger.set_budget(one, past.now)
        freeze(
            home.folder / SNAPSHOTS,
            planned.plan,
            run=planned.run.id,
            bottle=planned.run.bottle,
            taken=past.now,
            options=msgspec.to_builtins(planned.options),
        )
        home.ledger.end_run(planned.run.id, "frozen", 143, past.now)
        return planned

    return stop


def test_it_is_asked_for_what_it_was_asked_for(home: Home, stopped: Stopped) -> None:
    before = stopped("200k")
    frozen = find_frozen(home, "fox")
    options = frozen.options
    assert frozen.before == before.options
    assert (options.name, options.budget, options.allow) == (
        "fox",
        ("200k",),
        ("docs.example.org",),
    )
    assert options.workspace == before.plan.workspace
    assert options.resumes == before.run.id
    assert Path(options.command[0]).is_absolute()
    assert options.command[0].endswith("/true")


def test_its_budgets_go_on(home: Home, stopped: Stopped) -> None:
    before = stopped("200k")
    again = plan_run(find_frozen(home, "fox").options, home)
    assert again.run.id != before.run.id
    assert again.run.path == before.run.path
    assert again.budgets == before.budgets


REPLACED = {
    # what it was started with, what it goes on with           the budgets that bind then
    "the same":             (("200k",), (),                    {"*/tokens/lifetime": 200_000}),
    "more of the same":     (("200k",), ("400k",),             {"*/tokens/lifetime": 400_000}),
    "dollars for tokens":   (("200k",), ("$5",),               {"*/micros/lifetime": 5_000_000}),
    "fewer":                (("200k", "claude=1k"), ("300k",), {"*/tokens/lifetime": 300_000}),
    "one where none was":   ((), ("1k/day",),                  {"*/tokens/day": 1_000}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "binding"), REPLACED.values(), ids=REPLACED)
def test_new_budgets_replace_those_that_it_was_started_with(
    home: Home,
    past: Past,
    stopped: Stopped,
    before: tuple[str, ...],
    after: tuple[str, ...],
    binding: dict[str, int],
) -> None:
    other = stopped("7k", name="owl")
    run = stopped(*before).run
    frozen = find_frozen(home, "fox", after)
    planned = plan_run(frozen.options, home)
    drop_replaced(frozen, planned, home.ledger, past.now)
    for budget in planned.budgets:
        home.ledger.set_budget(budget, past.now)
    limits = {budget.key: budget.limit for budget in home.ledger.budgets()}
    assert limits.pop(f"run:{other.run.id}/*/tokens/lifetime") == 7_000
    assert limits == {f"run:{run.id}/{key}": limit for key, limit in binding.items()}


def test_a_budget_that_somebody_else_set_stays(home: Home, past: Past, stopped: Stopped) -> None:
    run = stopped("200k").run
    home.ledger.set_budget(
        plan_run(RunOptions(command=("true",), budget=("9k/day",), resumes=run.id), home).budgets[
            0
        ],
        past.now,
    )
    frozen = find_frozen(home, "fox", ("$5",))
    drop_replaced(frozen, plan_run(frozen.options, home), home.ledger, past.now)
    assert [budget.key for budget in home.ledger.budgets()] == [f"run:{run.id}/*/tokens/day"]


def test_a_command_is_run_again_with_its_arguments(home: Home, stopped: Stopped) -> None:
    stopped(command=(sys.executable, "-c", "print(1)", "--json"))
    assert find_frozen(home, "fox").options.command[1:] == ("-c", "print(1)", "--json")


def test_what_changed_is_told_and_put_back(home: Home, stopped: Stopped, workspace: Path) -> None:
    (workspace / "kept").write_text("kept")
    (workspace / "edited").write_text("before")
    (workspace / "gone").write_text("gone")
    stopped()
    assert find_frozen(home, "fox").changed == ()
    (workspace / "edited").write_text("after")
    (workspace / "gone").unlink()
    (workspace / "new").write_text("new")
    frozen = find_frozen(home, "fox")
    assert frozen.changed == (str(workspace / "edited"), str(workspace / "gone"))
    assert frozen.new == (str(workspace / "new"),)
    thaw(frozen)
    found = {path.name: path.read_text() for path in workspace.iterdir()}
    assert found == {"kept": "kept", "edited": "before", "gone": "gone", "new": "new"}
    assert find_frozen(home, "fox").changed == ()


def test_nothing_is_touched_where_nothing_changed(home: Home, stopped: Stopped) -> None:
    stopped()
    frozen = find_frozen(home, "fox")
    thaw(Frozen(Path("/nowhere"), frozen.snapshot, frozen.before, frozen.options, (), ("new",)))


def test_the_newest_run_of_a_name_decides_and_an_older_one_has_its_id(
    home: Home, past: Past, stopped: Stopped
) -> None:
    run = stopped().run
    past.run("fox", status="ended")
    with pytest.raises(UsageError, match="'fox' is not frozen: its status is ended"):
        find_frozen(home, "fox")
    assert find_frozen(home, run.id).options.resumes == run.id


def test_nobody_of_this_name(home: Home, stopped: Stopped) -> None:
    stopped()
    with pytest.raises(UsageError, match="Did you mean 'fox'"):
        find_frozen(home, "fxo")


def test_a_snapshot_that_was_edited_is_not_resumed(home: Home, stopped: Stopped) -> None:
    run = stopped().run
    [manifest] = (home.folder / SNAPSHOTS).rglob(f"*{run.id}*")
    manifest.write_text(manifest.read_text().replace("docs.example.org", "evil.org"))
    with pytest.raises(BottleError, match="has been changed since it was taken"):
        find_frozen(home, "fox")
