"""Take a frozen run up again where it was stopped."""

from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.freeze import Snapshot, differences, load_snapshot, restore
from stopper.control.home import Home
from stopper.control.planned import Planned, RunOptions
from stopper.control.reports import find_run
from stopper.control.run import SNAPSHOTS
from stopper.data import load_providers
from stopper.errors import UsageError
from stopper.settings import parse_budget, provider_names
from stopper.stores.ledger import Ledger

__all__ = ["Frozen", "drop_replaced", "find_frozen", "thaw"]


class Frozen(Struct, frozen=True):
    """A run that can go on: what it will be asked for, and what is not as it was when it stopped.

    `before` is what it was asked for until then. `changed` are paths that can be put back, `new`
    are those that came since.
    """

    store: Path
    snapshot: Snapshot
    before: RunOptions
    options: RunOptions
    changed: tuple[str, ...]
    new: tuple[str, ...]


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
    kept = {str(Path(tree.path, entry.path)) for tree in snapshot.trees for entry in tree.entries}
    found = differences(snapshot)
    changed = tuple(path for path in found if path in kept)
    new = tuple(path for path in found if path not in kept)
    return Frozen(store, snapshot, before, options, changed, new)


def drop_replaced(frozen: Frozen, planned: Planned, ledger: Ledger, now: datetime) -> None:
    """Drop the budgets that it was started with and that are replaced: they bind no more."""
    scope, names = planned.run.path[0], provider_names(load_providers().values())
    started_with = {parse_budget(text, scope, names).key for text in frozen.before.budget}
    for key in sorted(started_with - {budget.key for budget in planned.budgets}):
        ledger.drop_budget(key, now)


def thaw(frozen: Frozen) -> None:
    """Put back what has changed since the run was frozen; what is new stays."""
    if frozen.changed:
        restore(frozen.store, frozen.snapshot)
