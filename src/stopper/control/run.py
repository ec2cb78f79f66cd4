"""Run an agent in a bottle, from its plan to its exit status."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

import msgspec
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from stopper.bottle.freeze import freeze
from stopper.bottle.start import Bottle, start
from stopper.bottle.trust import trust
from stopper.bottle.workspace import planted
from stopper.control.home import Home
from stopper.control.orders import listen
from stopper.control.planned import Planned
from stopper.control.secrecy import CANARY, fresh_canary, known_secrets, open_screen
from stopper.core.audit import Fact
from stopper.core.reason import Refusal, refuse
from stopper.egress.costing import Costing
from stopper.egress.dial import Dialer
from stopper.egress.gate import utc_now
from stopper.egress.plane import Event, Plane
from stopper.egress.screen import Screen
from stopper.egress.tls import Authority
from stopper.errors import BottleError, StoreError
from stopper.meter.estimate import load_encoding
from stopper.meter.prices import rates
from stopper.settings import CountTokens, Shutdown, Unknown

__all__ = ["SNAPSHOTS", "Result", "run"]

SNAPSHOTS: Final = "snapshots"
GRACE_SECONDS: Final = 5.0
"""How long an agent that is told to end may take."""

PREPARE_AFTER_SECONDS: Final = 10.0
"""A run that is over sooner, and has had no stream, is not worth the seconds that this takes."""

_PREPARING: Final = "preparing to look through streams; this is done once and takes a few seconds"

_STATUS: Final = {Shutdown.CUTOFF: "cut", Shutdown.FREEZE: "frozen", Shutdown.KILL: "killed"}
_TERMINATED: Final = 128 + signal.SIGTERM
_ACT: Final = {Shutdown.CUTOFF: "cut", Shutdown.FREEZE: "freeze", Shutdown.KILL: "kill"}
_ORDERED: Final = {act: policy for policy, act in _ACT.items()}


class Result(Struct, frozen=True):
    """How a run ended: the agent's own exit status, why it was stopped, what it left to look at.

    `planted` are files in the workspace that could make the host run code later, and that were
    not there before.
    """

    exit_code: int
    status: str
    stopped: Refusal | None
    planted: tuple[str, ...]


def run(planned: Planned, home: Home, say: Callable[[str], None] = lambda _: None) -> Result:
    """Start the run and see it to its end; `say` is told what the person should know meanwhile.

    Raises BottleError where the bottle does not start, and StoreError where the ledger cannot
    record it: then nothing was started.
    """
    return uvloop.run(_Running(planned, home, say).run())


class _Running:
    """One run while it lasts."""

    def __init__(self, planned: Planned, home: Home, say: Callable[[str], None]) -> None:
        self._planned = planned
        self._home = home
        self._say = say
        self._id = planned.run.id
        self._bottle: Bottle | None = None
        self._plane: Plane | None = None
        self._stopped: Refusal | None = None
        self._status = "ended"
        self._last_order = 0
        self._endings: set[asyncio.Task[object]] = set()
        self._interrupted = False
        self._early: signal.Signals | None = None

    async def run(self) -> Result:
        """From the ledger's first row to its last; signals are heard all the while."""
        planned = self._planned
        with self._signals():
            code = await self._recorded()
        return Result(code, self._status, self._stopped, tuple(planted(planned.plan.watched)))

    async def _recorded(self) -> int:
        planned, ledger = self._planned, self._home.ledger
        ledger.add_run(planned.run)
        code: int | None = None
        try:
            for budget in (*planned.settings.budget, *planned.budgets):
                ledger.set_budget(budget, utc_now())
            code = await self._in_bottle()
        finally:
            with contextlib.suppress(StoreError):  # the run is over either way
                ledger.end_run(self._id, self._status, code, utc_now())
        return code

    async def _in_bottle(self) -> int:
        authority, dialer, canary = Authority(), Dialer(), fresh_canary()
        screening = asyncio.create_task(asyncio.to_thread(self._open_screen, canary))
        plan = self._planned.plan
        plan = replace(plan, environment={**plan.environment, CANARY: canary})
        try:
            bottle = self._bottle = await start(trust(plan, authority.pem))
            plane = self._plane = self._open_plane(authority, dialer, await screening)
            try:
                return await self._served(plane, bottle)
            finally:
                await plane.close()
        finally:
            dialer.close()

    async def _served(self, plane: Plane, bottle: Bottle) -> int:
        plane.start(asyncio.to_thread(_warm_up, self._planned))
        await plane.serve(bottle.listener)
        if self._early is not None:
            self._signalled(self._early)
        later = plane.loop.call_later(PREPARE_AFTER_SECONDS, plane.following.begin)
        try:
            with listen(self._home.folder, self._id, self._look_for_orders):
                code = await bottle.wait()
        finally:
            later.cancel()
        if self._endings:
            await asyncio.wait(self._endings)
        if self._status == "frozen" and not code:  # the agent ended by itself before it was told to
            return _TERMINATED
        return code

    def _open_screen(self, canary: str) -> Screen:
        planned = self._planned
        values = known_secrets(planned, planned.table.known, os.environ, canary)
        return open_screen(planned, values, self._home.folder)

    def _open_plane(self, authority: Authority, dialer: Dialer, screen: Screen) -> Plane:
        settings, ledger = self._planned.settings, self._home.ledger
        return Plane(
            self._id,
            ledger,
            self._planned.table,
            Costing(
                settings.weights,
                count_unpriced=settings.unknown_model is Unknown.COUNT,
                count_unbounded=settings.unbounded is Unknown.COUNT,
                calibration=ledger.calibration,
            ),
            dialer=dialer,
            authority=authority,
            screen=screen,
            lifetime=settings.hold_lifetime,
            hold_wait=settings.hold_wait,
            counts_remotely=settings.count_tokens is CountTokens.PROVIDER,
            on_events=self._record,
            on_exhausted=self._exhausted,
            on_preparing=lambda: self._say(_PREPARING),
        )

    # what may end it

    def _exhausted(self, refusal: Refusal) -> None:
        if self._stopped is None:
            self._stop(self._planned.policy, refusal)

    def _look_for_orders(self) -> None:
        try:
            orders = self._home.ledger.orders(self._id, self._last_order)
        except StoreError:
            return  # looked for again; the egress refuses by itself while the store fails
        for order in orders:
            self._last_order = order.id
            act, _, number = order.act.partition(" ")
            if act in _ORDERED:
                self._stop(_ORDERED[act], refuse(order.code))
            elif self._plane is not None and number.isdecimal():
                self._plane.approvals.decide(int(number), allowed=act == "approve")

    def _stop(self, policy: Shutdown, refusal: Refusal) -> None:
        plane, bottle = self._plane, self._bottle
        if plane is None or bottle is None:
            return
        self._stopped = self._stopped or refusal
        self._status = _STATUS[policy]
        plane.cut(refusal)
        self._say(f"{_ACT[policy]}: {refusal.sentence}")
        if policy is Shutdown.KILL:
            bottle.kill()
        elif policy is Shutdown.FREEZE:
            self._finish(self._freeze(bottle))
        self._note(_ACT[policy], refusal.code, {"detail": refusal.detail or None})

    async def _freeze(self, bottle: Bottle) -> None:
        """Let the agent write what it has to write, then keep what it made."""
        await bottle.terminate(GRACE_SECONDS)
        try:
            freeze(
                self._home.folder / SNAPSHOTS,
                self._planned.plan,
                run=self._id,
                bottle=self._planned.run.bottle,
                taken=utc_now(),
                options=msgspec.to_builtins(self._planned.options),
            )
        except BottleError as error:
            self._status = "ended"
            self._say(f"not frozen: {error}")
            self._note("freeze.failed", "bottle.frozen", {})

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """What is sent to Stopper itself ends the agent; a second time, at once."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _signalled(self, number: signal.Signals) -> None:
        bottle = self._bottle
        if bottle is None or self._plane is None:  # it is about to start, and then hears of it
            self._early = number
            return
        if self._interrupted:
            bottle.kill()
        elif number is signal.SIGINT:
            bottle.signal(number)
        else:
            self._finish(bottle.terminate(GRACE_SECONDS))
        self._interrupted = True

    def _finish(self, ending: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(ending)
        self._endings.add(task)

    # what is kept of it

    def _record(self, events: list[Event]) -> None:
        for event in events:
            refusal = event.refusal
            if event.act == "hold":
                self._say(f"{refusal.sentence} [{self._planned.run.bottle}]")
            self._note(event.act, refusal.code, {"detail": refusal.detail, "count": event.count})

    def _note(self, act: str, code: str, fact: Fact) -> None:
        try:
            self._home.ledger.note(self._id, act, code, fact, utc_now())
        except StoreError as error:
            self._say(f"the audit cannot be written: {error}")


def _warm_up(planned: Planned) -> None:
    """Load what the first request needs, which would otherwise stall other replies meanwhile."""
    for mount in planned.table.mounts.values():
        rates(mount.provider.pricing or mount.provider.name, "", planned.run.started)
    if "openai" in planned.table.mounts:
        load_encoding("o200k_base")
