"""The doctor finds the gap where a limit is taken away, and cleans up after itself."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from stopper.bottle.doctor import bait, probe, run_checks
from stopper.bottle.sandbox import Kind, Mount, Plan, arrange
from stopper.data import load_providers

if TYPE_CHECKING:
    from .conftest import User
else:
    User = Any

PROVIDERS = load_providers()


def shown(plan: Plan, *paths: str) -> Plan:
    """The plan with more of the host in it."""
    mounts = [Mount(Kind.WRITE, path, path) for path in paths]
    return replace(plan, mounts=arrange([*plan.mounts, *mounts]))


def unguarded(plan: Plan) -> Plan:
    """The plan without what keeps files of the workspace read-only."""
    inside = f"{plan.workspace}/"
    kept = tuple(mount for mount in plan.mounts if not mount.target.startswith(inside))
    return replace(plan, mounts=kept)


def unsealed(plan: Plan) -> Plan:
    """The plan without covers in /proc, which only root needs."""
    kept = tuple(mount for mount in plan.mounts if not mount.target.startswith("/proc/"))
    return replace(plan, mounts=kept)


TEMPORARY = tempfile.gettempdir()

GAPS: dict[str, tuple[str, Callable[[Plan], Plan], set[str]]] = {
    # what is taken away            agent      how                                            rows that see it
    "the home folder's cover":     ("generic", lambda p: shown(p, p.environment["HOME"]),     {"B40", "B42", "B50", "B53", "B54", "B55", "S09", "S10"}),
    "the cover of /tmp":           ("generic", lambda p: shown(p, TEMPORARY),                 {"B40", "B42", "B50", "B53", "B54", "B55", "S09", "S10"}),
    "the guard of git":            ("generic", unguarded,                                     {"B51", "B52"}),
    "the watch over new files":    ("generic", lambda p: replace(p, watched={}),              {"B49"}),
}  # fmt: skip


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(("agent", "weaken", "rows"), GAPS.values(), ids=GAPS)
def test_gaps_are_found(
    agent: str, weaken: Callable[[Plan], Plan], rows: set[str], user: User
) -> None:
    """Each gap is seen by the rows that are there for it, and by no other."""
    leaks = asyncio.run(_probe(user, agent, weaken))
    assert {row for row, ways in leaks.items() if ways} == rows


@pytest.mark.usefixtures("namespaces")
@pytest.mark.skipif(os.getuid() != 0, reason="only root's own number opens these files")
def test_the_seal_of_proc_is_what_holds_for_root(user: User) -> None:
    """Without it a bottle that root starts could name a program for the host's kernel to run."""
    leaks = asyncio.run(_probe(user, "generic", unsealed))
    assert "/proc/sys/kernel/core_pattern" in leaks["S04"]


@pytest.mark.usefixtures("namespaces")
def test_nothing_is_left_on_the_host(user: User) -> None:
    """Neither bait nor the probe's own files."""
    before = sorted(user.home.rglob("*"))
    asyncio.run(_probe(user, "generic", lambda plan: plan))
    assert sorted(user.home.rglob("*")) == before


def test_bait_is_there_and_goes(user: User) -> None:
    """What a probe must not reach can be reached from here, else it would prove nothing."""
    with bait(user.home, user.state, PROVIDERS) as facts:
        secrets = [Path(path) for path in facts["hidden"] if path.endswith("/secret")]
        assert [path.read_text() for path in secrets] == [facts["mark"]] * 3
    assert not any(path.exists() for path in secrets)


def test_where_no_bottle_starts(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """One check, not held, that says what to do."""
    broken = user.home / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr("stopper.bottle.start.find_bwrap", lambda: [str(broken)])
    (check,) = asyncio.run(
        run_checks(home=user.home, state=user.state, host={"PATH": os.defpath}, providers=PROVIDERS)
    )
    assert (check.id, check.held) == ("start", False)
    assert "setting up uid map" in check.detail


async def _probe(user: User, agent: str, weaken: Callable[[Plan], Plan]) -> dict[str, list[str]]:
    host = {"PATH": os.defpath, "HOME": str(user.home)}
    return await probe(
        agent,
        home=user.home,
        state=user.state,
        host=host,
        providers=PROVIDERS,
        weaken=weaken,
    )
