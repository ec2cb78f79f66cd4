"""What a run will be: decided from the wishes, the settings and the host before anything starts."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.environment import host_key
from stopper.bottle.observe import OBSERVE_WARNING, free_port
from stopper.bottle.plan import Launch, plan_bottle
from stopper.bottle.profiles import load_agents
from stopper.bottle.sandbox import Isolation, Plan
from stopper.control.home import Home
from stopper.control.names import fresh_name
from stopper.control.process import identity
from stopper.control.suggest import did_you_mean, listed
from stopper.core.budget import Budget
from stopper.core.provider import Provider
from stopper.core.scope import Path as ScopePath
from stopper.core.scope import ScopeKind, path_of
from stopper.data import load_providers
from stopper.egress.gate import utc_now
from stopper.egress.mounts import mount_providers
from stopper.egress.route import Table
from stopper.errors import SettingsError, UsageError
from stopper.meter.wires import WIRES
from stopper.settings import Settings, Shutdown, parse_budget, provider_names
from stopper.stores.ledger import Run

__all__ = ["PORT", "Planned", "RunOptions", "plan_run"]

PORT: Final = 3128
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class RunOptions(Struct, frozen=True, kw_only=True):
    """What `stopper run` was asked for; texts are checked when the run is planned.

    `budget`, `allow`, `upstream` and the paths are as written on the command line. `resumes` is
    the run that is taken up again: its budgets go on.
    """

    command: tuple[str, ...]
    name: str = ""
    agent: str = "auto"
    budget: tuple[str, ...] = ()
    policy: str = ""
    allow: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    workspace: str = ""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    parent: str = ""
    isolation: str = Isolation.BOTTLE
    resumes: str = ""

    @property
    def flags(self) -> dict[str, str | list[str]]:
        """Those of the wishes that override settings."""
        flags: dict[str, str | list[str]] = {
            "shutdown": self.policy,
            "allow": [*self.allow],
            "upstreams": [*self.upstream],
        }
        return {name: value for name, value in flags.items() if value}


class Planned(Struct, frozen=True):
    """A run that can start, and all that it may do. `warnings` are to be said before it does."""

    options: RunOptions
    run: Run
    plan: Plan
    table: Table
    budgets: tuple[Budget, ...]
    settings: Settings
    warnings: tuple[str, ...]

    @property
    def policy(self) -> Shutdown:
        """What happens when a budget is used up."""
        return self.settings.shutdown


def plan_run(options: RunOptions, home: Home, host: Mapping[str, str] = os.environ) -> Planned:
    """Decide everything; starts nothing and records nothing. Raises a StopperError."""
    settings = home.settings
    providers = {
        name: _with_habits(provider, settings) for name, provider in load_providers().items()
    }
    isolation = _isolation(options.isolation)
    plan = plan_bottle(_launch(options, home, host, isolation), providers)
    now_live = {run.bottle for run in home.ledger.runs(live=True)}
    run = _run(options, home, plan, _name(options.name, now_live))
    scope = run.path[0]
    names = provider_names(providers.values())
    warnings = settings.exceptions
    if isolation is Isolation.OBSERVE:
        warnings = (OBSERVE_WARNING, *warnings)
    return Planned(
        options,
        run,
        plan,
        _table(plan, settings, providers, host),
        tuple(parse_budget(text, scope, names) for text in options.budget),
        settings,
        warnings,
    )


def _isolation(text: str) -> Isolation:
    try:
        return Isolation(text)
    except ValueError:
        raise UsageError(f"{text!r} is no isolation: use {listed(Isolation)}") from None


def _launch(
    options: RunOptions, home: Home, host: Mapping[str, str], isolation: Isolation
) -> Launch:
    return Launch(
        command=options.command,
        workspace=Path(options.workspace) if options.workspace else Path.cwd(),
        home=Path.home(),
        state=home.folder,
        host=host,
        agent=options.agent,
        read=tuple(map(Path, options.read)),
        write=tuple(map(Path, options.write)),
        env=options.env,
        needed=frozenset(home.settings.upstreams),
        allowed=frozenset(rule.host.name for rule in home.settings.allow),
        isolation=isolation,
        port=free_port() if isolation is Isolation.OBSERVE else PORT,
    )


def _name(name: str, live: set[str]) -> str:
    if not name:
        return fresh_name(live)
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name: use letters, digits, dots and dashes, at most 63")
    if name in live:
        raise UsageError(f"A bottle {name!r} is running: choose another name, or stop that one.")
    return name


def _run(options: RunOptions, home: Home, plan: Plan, bottle: str) -> Run:
    run = secrets.token_hex(6)
    parents = _parents(options.parent, home)
    if bottle in parents:
        raise UsageError(f"Bottle {bottle!r} cannot be its own parent.")
    return Run(
        id=run,
        bottle=bottle,
        agent=plan.profile,
        path=path_of(options.resumes or run, plan.profile, bottle, parents),
        started=utc_now(),
        fact={**identity(os.getpid()), "workspace": plan.workspace},
    )


def _parents(name: str, home: Home) -> tuple[str, ...]:
    """The parent's name and those of its own parents, nearest first."""
    if not name:
        return ()
    parent = home.ledger.find_run(name)
    if parent is None:
        known = sorted({run.bottle for run in home.ledger.runs()})
        raise UsageError(f"There is no bottle {name!r} to be a parent.{did_you_mean(name, known)}")
    return _bottles(parent.path)


def _bottles(path: ScopePath) -> tuple[str, ...]:
    return tuple(scope.name for scope in path if scope.kind is ScopeKind.BOTTLE)


def _with_habits(provider: Provider, settings: Settings) -> Provider:
    habit = settings.disconnect.get(provider.name)
    return replace(provider, on_disconnect=habit) if habit else provider


def _table(
    plan: Plan, settings: Settings, providers: Mapping[str, Provider], host: Mapping[str, str]
) -> Table:
    keys = {name: found[1] for name, p in providers.items() if (found := host_key(p, host))}
    own = load_agents().agents[plan.profile].provider
    names = {*keys, *settings.upstreams, *({own} if own else ())}
    for name, upstream in settings.upstreams.items():
        keys[name] = host.get(upstream.key_env, "") if upstream.key_env else ""
    try:
        bases = {name: upstream.url for name, upstream in settings.upstreams.items()}
        mounts = mount_providers(providers, bases, keys, frozenset(names))
    except ValueError as error:
        raise SettingsError(f"--upstream: {error}") from None
    return Table(
        port=plan.port,
        mounts=mounts,
        known=dict(providers),
        wires=WIRES,
        rules=settings.allow,
        websockets=settings.websockets,
        unmetered=settings.unmetered_paths,
    )
