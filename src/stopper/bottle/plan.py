"""Decides what a bottle may touch: from what the user asks for to a plan that can be printed."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from msgspec import Struct

from stopper.bottle.command import needs_of, prefix_parts, resolve
from stopper.bottle.environment import base_url, inherited, observed, routed
from stopper.bottle.profiles import Agents, Profile, compose, load_agents, pick, slug
from stopper.bottle.sandbox import (
    LAUNCHER,
    OWN_FOLDER,
    Isolation,
    Kind,
    Mount,
    Plan,
    arrange,
    source_of,
)
from stopper.bottle.system import (
    git_identity,
    memory_bytes,
    sealed_proc,
    stand_ins,
    system_mounts,
    user_name,
)
from stopper.bottle.workspace import Ground, check_read, check_write, guard, repository
from stopper.core.provider import Provider
from stopper.errors import BottleError

__all__ = ["Launch", "launcher_python", "plan_bottle"]

SCRATCH_SHARE: Final = 8
"""Each folder in memory may take this part of the machine's memory."""

ROOT_SEEMS: Final = 1000
"""Who root seems to be inside: agents refuse to work, or do more than they should, as root."""

_KEY_TAIL: Final = 20  # how much of an approved key Claude Code remembers
_ROOTLESS_HOME: Final = Path("/home/agent")


class Launch(Struct, frozen=True, kw_only=True):
    """What the user asks for.

    `host` is the environment that Stopper itself runs in, `home` the user's home folder and
    `state` Stopper's own, which no bottle ever shows. `needed` names the providers that get a
    placeholder key even where the host has none (those with an `--upstream`). `workspace`, `read`
    and `write` may be relative to the present folder. `allowed` are the hosts that the bottle may
    reach, by which it is told how. `port` is where the way out listens; with
    OBSERVE it is one of the host's own, so choose it with `free_port`.
    """

    command: tuple[str, ...]
    workspace: Path
    home: Path
    state: Path
    host: Mapping[str, str]
    agent: str = "auto"
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    env: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    isolation: Isolation = Isolation.BOTTLE
    port: int = 3128


def plan_bottle(launch: Launch, providers: Mapping[str, Provider]) -> Plan:
    """The whole plan; reads the host's files and changes nothing. Raises BottleError."""
    agents = load_agents()
    name = pick(agents, launch.agent, launch.command[0])
    return _Planner(launch, providers, agents, agents.agents[name]).plan(name)


def launcher_python() -> str:
    """The interpreter that runs inside before the agent does: this one, without its packages."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


class _Planner:
    """One planning: the rules in the order in which a later one wins over an earlier one."""

    def __init__(
        self, launch: Launch, providers: Mapping[str, Provider], agents: Agents, profile: Profile
    ) -> None:
        self._launch = launch
        self._providers = providers
        self._agents = agents
        self._profile = profile
        self._ground = Ground(launch.home, launch.state)
        self._home = _ROOTLESS_HOME if launch.home == Path("/") else self._ground.home
        self._workspace = check_write(launch.workspace, self._ground, workspace=True)
        self._path = launch.host.get("PATH", os.defpath)
        self._mounts: list[Mount] = []
        self._watched: dict[str, str] = {}
        self._folders: list[str] = []

    def plan(self, name: str) -> Plan:
        """Put it all together."""
        launch = self._launch
        own = OWN_FOLDER
        if launch.isolation is Isolation.OBSERVE:
            own = str(self._ground.state / "observe" / str(launch.port))
        program = resolve(launch.command[0], self._path, self._workspace)
        python = launcher_python()
        if launch.isolation is Isolation.BOTTLE:
            self._show_system()
            self._show_home()
            self._show_what_is_asked_for()
            self._show_programs(program, python)
            self._hide_state()
        return Plan(
            profile=name,
            command=(program, *launch.command[1:]),
            workspace=self._workspace,
            environment=self._environment(),
            mounts=arrange(self._mounts),
            python=python,
            port=launch.port,
            userns=self._profile.userns,
            uid=os.getuid() or ROOT_SEEMS,
            scratch_bytes=memory_bytes() // SCRATCH_SHARE,
            folders=tuple(self._folders),
            watched=self._watched,
            isolation=launch.isolation,
            own=own,
        )

    def _show_system(self) -> None:
        uid = os.getuid() or ROOT_SEEMS
        self._mounts += [*system_mounts(), *sealed_proc()]
        self._mounts += stand_ins(user_name(self._launch.host), uid, str(self._home))
        launcher = files("stopper.bottle").joinpath("launcher.py").read_bytes()
        self._mounts.append(Mount(Kind.FILE, LAUNCHER, data=launcher))

    def _show_home(self) -> None:
        """An empty home, with toolchains and what the agent's profile names."""
        self._mounts.append(Mount(Kind.SCRATCH, str(self._home)))
        words = {"slug": slug(self._workspace)}
        for path in (*self._agents.home.read, *self._profile.read):
            self._show(self._home / path)
        for path in self._profile.write:
            folder = str(self._home / path.format(**words))
            self._folders.append(folder)
            self._mounts.append(Mount(Kind.WRITE, folder, folder))
        for file in self._profile.files:
            data = compose(file, self._home, self._words()).encode()
            self._mounts.append(Mount(Kind.COPY, str(self._home / file.path), data=data))
        if identity := git_identity(self._launch.host):
            self._mounts.append(Mount(Kind.COPY, str(self._home / ".gitconfig"), data=identity))

    def _show_what_is_asked_for(self) -> None:
        """The workspace, `--read` and `--write`, and over them what must stay read-only."""
        writable = [check_write(path, self._ground) for path in self._launch.write]
        readable = [check_read(path, self._ground) for path in self._launch.read]
        self._mounts.append(Mount(Kind.WRITE, self._workspace, self._workspace))
        if common := repository(self._workspace):
            common = check_write(Path(common), self._ground)
            self._mounts.append(Mount(Kind.WRITE, common, common))
            self._guard(common, self._agents.workspace.repository, writable)
        for folder in (self._workspace, *filter(os.path.isdir, writable)):
            self._guard(folder, self._agents.workspace.guarded, writable)
        self._mounts += [Mount(Kind.WRITE, path, path) for path in writable]
        self._mounts += [Mount(Kind.READ, path, path) for path in readable]

    def _guard(self, root: str, patterns: Sequence[str], lifted: Sequence[str]) -> None:
        inner = [path for path in lifted if path != root and path.startswith(f"{root}/")]
        mounts, watched = guard(root, patterns, inner)
        self._mounts += mounts
        self._watched |= watched

    def _show_programs(self, program: str, python: str) -> None:
        """The agent's program, and the interpreter that runs the launcher."""
        prefix = Path(sys.base_prefix)
        for path in (*needs_of(program, self._path, self._home), *prefix_parts(prefix), python):
            self._show(Path(path))

    def _show(self, path: Path) -> None:
        """Bind a host path read-only unless it is shown already; a link comes with its target."""
        path = Path(os.path.realpath(path.parent), path.name)
        real = Path(os.path.realpath(path))
        if not real.exists() or self._home.is_relative_to(real):
            return
        if path.is_symlink() and source_of(str(path), self._mounts) != str(path):
            self._mounts.append(Mount(Kind.LINK, str(path), str(path.readlink())))
        if source_of(str(real), self._mounts) != str(real):
            self._mounts.append(Mount(Kind.READ, str(real), str(real)))

    def _hide_state(self) -> None:
        """Stopper's own folder is never shown, wherever it lies and whatever was asked for."""
        state = str(self._ground.state)
        for mount in self._mounts:
            if Path(mount.source or "/").is_relative_to(state):
                raise BottleError(f"{mount.source} lies in {state}, which no bottle may see")
        if source_of(state, self._mounts) is not None:
            self._folders.append(state)
            self._mounts.append(Mount(Kind.SCRATCH, state))

    def _environment(self) -> dict[str, str]:
        launch, providers = self._launch, self._providers.values()
        needed = launch.needed | {self._profile.provider}
        ours = routed(providers, launch.host, launch.port, needed, launch.allowed)
        ours |= self._profile.variables
        if launch.isolation is Isolation.OBSERVE:
            return observed(launch.host, providers) | ours
        own = {"HOME": str(self._home), "PATH": self._visible_path(), "TMPDIR": "/tmp"}  # noqa: S108
        own |= {"USER": user_name(launch.host), "LOGNAME": user_name(launch.host)}
        return inherited(launch.host, launch.env, providers) | own | ours

    def _visible_path(self) -> str:
        """The host's search path without the folders that the bottle does not show."""
        real = dict.fromkeys(os.path.realpath(entry) for entry in self._path.split(":") if entry)
        return ":".join(entry for entry in real if source_of(entry, self._mounts) is not None)

    def _words(self) -> dict[str, str]:
        provider = self._providers.get(self._profile.provider)
        words = {"workspace": self._workspace}
        if provider is not None:
            key = provider.placeholder
            words |= {"key": key, "key_tail": key[-_KEY_TAIL:]}
            words |= {"base": base_url(provider.name, self._launch.port)}
        return words
