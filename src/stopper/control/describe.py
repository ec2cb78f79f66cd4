"""What a planned run may do, in plain words: what `--dry-run` prints."""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from stopper.bottle.sandbox import Isolation, Kind, Mount, Plan
from stopper.control.budgets import budget_text
from stopper.control.home import Home
from stopper.control.planned import Planned
from stopper.core.budget import governing
from stopper.egress.route import Mount as ProviderMount
from stopper.settings import explain

__all__ = ["Said", "describe"]

_IN_OTHER_ROWS: Final = frozenset({"budget", "allow", "upstreams"})
_PROC: Final = PurePosixPath("/proc")


class Said(Struct, frozen=True):
    """One thing that is so: its values, and where they were said if that is known.

    `brief` stands for the values where a person reads and they would be too many.
    """

    what: str
    values: tuple[str, ...]
    origin: str = ""
    brief: str = ""


def describe(planned: Planned, home: Home, host: Mapping[str, str] = os.environ) -> list[Said]:
    """The effective policy: files, variables, destinations, budgets and settings."""
    plan = planned.plan
    rows = [
        Said("bottle", (planned.run.bottle,)),
        Said("agent", (plan.profile,)),
        Said("command", (shlex.join(plan.command),)),
        Said("isolation", (plan.isolation,)),
        *(Said("warning", (warning,)) for warning in planned.warnings),
        *_files(plan),
        *_variables(plan, host),
        *_destinations(planned),
        *_budgets(planned, home),
        *_settings(planned),
    ]
    return [row for row in rows if row.values]


def _files(plan: Plan) -> Iterator[Said]:
    yield Said("workspace", (plan.workspace,))
    if plan.isolation is Isolation.OBSERVE:
        yield Said("may touch", ("whatever you may: there is no sandbox",))
        return
    writable = [mount for mount in plan.mounts if mount.kind is Kind.WRITE]
    yield Said("may write", _targets(m for m in writable if m.target != plan.workspace))
    shown = [m for m in plan.mounts if m.kind is Kind.READ and m.source == m.target]
    sealed = [m for m in shown if _PROC in PurePosixPath(m.target).parents]
    guarded = [m for m in shown if any(_lies_in(m.target, w.target) for w in writable)]
    yield Said("stays as it is", _targets(guarded))
    yield Said("may read", _targets(m for m in shown if m not in sealed and m not in guarded))
    yield Said(
        "read-only in /proc", _targets(sealed), brief=f"{len(sealed)} files that command the kernel"
    )
    yield Said("in memory only", _targets(m for m in plan.mounts if m.kind is Kind.SCRATCH))
    made = (m for m in plan.mounts if m.kind in (Kind.FILE, Kind.COPY))
    yield Said("made for it", _targets(made))
    hidden = (m for m in plan.mounts if m.kind is Kind.READ and m.source != m.target)
    yield Said("hidden", _targets(hidden))
    yield Said("nested sandboxes", ("allowed" if plan.userns else "not allowed",))


def _targets(mounts: Iterator[Mount] | list[Mount]) -> tuple[str, ...]:
    return tuple(mount.target for mount in mounts)


def _lies_in(path: str, folder: str) -> bool:
    return PurePosixPath(folder) in PurePosixPath(path).parents


def _variables(plan: Plan, host: Mapping[str, str]) -> Iterator[Said]:
    yours = {name for name, value in plan.environment.items() if host.get(name) == value}
    yield Said("your variables", tuple(sorted(yours)))
    yield Said("variables set", tuple(sorted(plan.environment.keys() - yours)))


def _destinations(planned: Planned) -> Iterator[Said]:
    origins = planned.settings.origins
    for name, mount in planned.table.mounts.items():
        origin = origins.get("upstreams", "") if name in planned.settings.upstreams else ""
        yield Said("provider", (f"{name} at {mount.base}, key: {_key(mount)}",), origin)
    for rule in planned.table.rules:
        yield Said("may reach", (str(rule),), origins.get("allow", ""))
    if planned.plan.isolation is Isolation.OBSERVE:
        yield Said("anything else", ("refused there, but the agent may go another way",))
    else:
        yield Said("anything else", ("refused",))


def _key(mount: ProviderMount) -> str:
    if mount.credential is None:
        return "the agent's own"
    return "put in" if mount.credential.secret else "missing"


def _budgets(planned: Planned, home: Home) -> Iterator[Said]:
    known = {budget.key: budget for budget in home.ledger.budgets()}
    known |= {budget.key: budget for budget in (*planned.settings.budget, *planned.budgets)}
    for name in planned.table.mounts:
        found = governing(known.values(), planned.run.path, name, planned.settings.enforce)
        texts = tuple(f"{budget_text(budget)} ({budget.scope})" for budget in found)
        yield Said(f"governs {name}", texts or ("no budget: metered only",))


def _settings(planned: Planned) -> Iterator[Said]:
    for row in explain(planned.settings):
        if row.name not in _IN_OTHER_ROWS:
            yield Said(row.name, (row.value,), row.origin)
