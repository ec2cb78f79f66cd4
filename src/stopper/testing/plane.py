"""An egress on a loopback port instead of a bottle's listener, for tests and benchmarks."""

import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from stopper.core.budget import Budget
from stopper.core.provider import Provider
from stopper.core.scope import path_of
from stopper.core.usage import Weights
from stopper.data import load_providers
from stopper.detect.allow import parse_rule
from stopper.detect.allowlist import Allowlist
from stopper.detect.inspection import packaged_detector
from stopper.detect.urls import Url, parse_url
from stopper.egress.costing import Costing
from stopper.egress.dial import Dialer
from stopper.egress.gate import utc_now
from stopper.egress.mounts import mount_providers
from stopper.egress.plane import Event, Plane
from stopper.egress.route import Table
from stopper.egress.screen import Screen, placeholders
from stopper.egress.tls import Authority
from stopper.meter.wires import WIRES
from stopper.stores.ledger import Ledger, Run

__all__ = ["loopback_listener", "loopback_plane"]

_KEY: Final = b"loopback"


def loopback_listener() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def loopback_plane(
    ledger: Ledger,
    upstreams: dict[str, str],
    *,
    run: str = "run",
    budgets: Sequence[Budget] = (),
    allow: Sequence[str] = (),
    websockets: Sequence[str] = (),
    keys: dict[str, str] | None = None,
    hold_wait: timedelta = timedelta(seconds=5),
    counts_remotely: bool = False,
    screen: Screen | None = None,
    on_events: Callable[[list[Event]], None] = lambda _: None,
) -> AsyncIterator[tuple[Plane, str]]:
    """A plane for one run, with its base URL; `upstreams` are URLs by provider name."""
    now = utc_now()
    path = path_of(run, "test", "bottle")
    ledger.add_run(Run(id=run, bottle="bottle", agent="test", path=path, started=now))
    for budget in budgets:
        ledger.set_budget(budget, now)
    listener = loopback_listener()
    port: int = listener.getsockname()[1]
    providers = load_providers()
    bases = {
        name: url for name, text in upstreams.items() if isinstance(url := parse_url(text), Url)
    }
    table = Table(
        port=port,
        mounts=mount_providers(providers, bases, keys or {}),
        known=providers,
        wires=WIRES,
        rules=tuple(parse_rule(text) for text in allow),
        websockets=tuple(parse_rule(text) for text in websockets),
    )
    plane = Plane(
        run,
        ledger,
        table,
        Costing(Weights(), calibration=ledger.calibration),
        dialer=Dialer(),
        authority=Authority(),
        screen=screen or _screen(providers.values()),
        lifetime=timedelta(seconds=60),
        hold_wait=hold_wait,
        counts_remotely=counts_remotely,
        on_events=on_events,
    )
    await plane.serve(listener)
    try:
        yield plane, f"http://127.0.0.1:{port}"
    finally:
        await plane.close()


def _screen(providers: Iterable[Provider]) -> Screen:
    """One that knows the rules, and no values."""
    return Screen(
        packaged_detector(_KEY), now=utc_now, allowed=Allowlist(placeholders(providers, _KEY))
    )
