"""Take a frozen run up again where it was stopped."""

from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.freeze import Snapshot, differences, load_snapshot, restore
from stopper.control.home import Home
from stopper.control.planned import RunOptions
from stopper.control.reports import find_run
from stopper.control.run import SNAPSHOTS
from stopper.errors import UsageError

__all__ = ["Frozen", "find_frozen", "thaw"]


class Frozen(Struct, frozen=True):
    """A run that can go on: what it will be asked for, and what has changed since it stopped."""

    store: Path
    snapshot: Snapshot
    options: RunOptions
    changed: tuple[str, ...]


def find_frozen(home: Home, name: str, budget: tuple[str, ...] = ()) -> Frozen:
    """Find the newest frozen run of a bottle; `budget` replaces what it was started with.

    Its budgets go on where they were, so one that is used up needs more room. Raises UsageError
    where the run is not frozen, and BottleError where its snapshot does not read.
    """
    run = find_run(home.ledger, name)
    if run.status != "frozen":
        raise UsageError(f"Bottle {run.bottle!r} is not frozen: its status is {run.status}.")
    store = home.folder / SNAPSHOTS
    snapshot = load_snapshot(store, run.id)
    before = msgspec.convert(snapshot.options, RunOptions)
    options = replace(
        before,
        command=snapshot.command,
        name=run.bottle,
        agent=snapshot.profile,
        budget=budget or before.budget,
        workspace=snapshot.workspace,
        resumes=run.path[0].name,
    )
    return Frozen(store, snapshot, options, tuple(differences(snapshot)))


def thaw(frozen: Frozen) -> None:
    """Put back what has changed since the run was frozen; what is new stays."""
    if frozen.changed:
        restore(frozen.store, frozen.snapshot)
