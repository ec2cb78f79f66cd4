"""Guards in a row: one verdict on a call, and one on its output."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, overload

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.verdict import Verdict
from stopper.guards.decision import Decision, Observer, observers_of, recorded
from stopper.guards.flow import Flow, drive, drive_async
from stopper.guards.guarded import Guarded, protected
from stopper.guards.memo import Memo
from stopper.guards.models import Guard, Outcome
from stopper.guards.result import ChainResult
from stopper.guards.rows import CHAIN, Entry, Row, make_row, names_of
from stopper.guards.tally import Step, Tally, View
from stopper.guards.world import Clock, Unbroken, fresh_key, monotonic_ns

__all__ = ["GuardChain", "Opened"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

Places = tuple[Row, ...]


class Opened(Struct, frozen=True):
    """A call that was decided on: the arguments it may go with, and the places that it took."""

    result: ChainResult
    args: dict[str, Any]
    places: Places = ()


class GuardChain:
    """Asks every guard about a call, and about what it returned.

    A `BLOCK` by any guard stops the call, whatever the order. All guards look at the arguments as
    they came and, where one repairs them, at what they became. A guard that raises, blocks, and the
    others are told all the same. Each of `on_decision` is told every decision. `check_all` counts
    a call that may go; `guarded` also takes its slot, times it, looks at its output and gives the
    slot back.
    """

    def __init__(
        self,
        guards: Iterable[Entry] = (),
        *,
        on_decision: Observer | Iterable[Observer] = (),
        clock: Clock = monotonic_ns,
    ) -> None:
        self._rows: tuple[Row, ...] = ()
        self._observers = observers_of(on_decision)
        self._clock = clock
        self._key = fresh_key()
        self._add(guards, is_shadow=False)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        on_decision: Observer | Iterable[Observer] = (),
        **given: Any,
    ) -> Self:
        """The chain that a YAML or TOML file describes; `given` is what no file can hold.

        As in `get_schema=...`. SettingsError names the line, the field and what is allowed.
        """
        from stopper.guards.load import load_guards  # noqa: PLC0415  every guard is behind it

        loaded = load_guards(path, given)
        chain = cls(loaded.guards, on_decision=on_decision)
        chain._add(loaded.shadows, is_shadow=True)
        return chain

    def add(self, guard: Entry) -> Self:
        """One more guard, at the end."""
        self._add([guard], is_shadow=False)
        return self

    def shadow(self, guard: Entry) -> Self:
        """One more guard that is only watched: the results show what it would have said.

        It takes no argument and no place, and has a `would_admit` instead of an `admit`. Without
        the promise to change nothing it gets copies; what cannot be copied is a `guard.error`.
        """
        self._add([guard], is_shadow=True)
        return self

    def get(self, name: str) -> Guard | None:
        """The guard of this name."""
        return next((row.guard for row in self._rows if row.name == name), None)

    def reset(self) -> None:
        """Begin a turn: every guard forgets what counts for a turn, and nothing that is longer.

        What a guard raises at that comes out when all were told.
        """
        self._begin((row, row.reset) for row in self._rows)

    def start_run(self) -> None:
        """Begin a run: every guard forgets the calls that it counted and the outputs it read."""
        self._begin((row, row.start_run) for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[str, Guard]]:
        return ((row.name, row.guard) for row in self._rows)

    def check_all(self, tool: str, args: Mapping[str, Any] | None = None) -> ChainResult:
        """The verdict on calling `tool` with `args`; a call that may go is counted."""
        return drive(self.open(tool, args, is_async=False)).result

    async def check_all_async(
        self, tool: str, args: Mapping[str, Any] | None = None
    ) -> ChainResult:
        """The same as `check_all`, for guards that have to wait."""
        return (await drive_async(self.open(tool, args, is_async=True))).result

    def check_output(self, tool: str, args: Mapping[str, Any] | None, output: Any) -> ChainResult:
        """The verdict on what a call returned; where it is repaired, use `repaired_output`.

        Guards that count calls take the call for over, as one that went well and took no time.
        """
        return drive(self._over(tool, dict(args or {}), output))

    async def check_output_async(
        self, tool: str, args: Mapping[str, Any] | None, output: Any
    ) -> ChainResult:
        """The same as `check_output`, for guards that have to wait."""
        return await drive_async(self._over(tool, dict(args or {}), output))

    def guarded(
        self, tool: str, args: Mapping[str, Any] | None = None, *, session: str | None = None
    ) -> Guarded:
        """A block, `with` or `async with`, around one call; see `Guarded`."""
        return Guarded(self, tool, args, session, self._clock)

    @overload
    def protect(self, function: Callable[_P, _R]) -> Callable[_P, _R]: ...

    @overload
    def protect(
        self, *, tool: str | None = None, session: str | None = None
    ) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...

    def protect(
        self, function: Any = None, *, tool: str | None = None, session: str | None = None
    ) -> Any:
        """A decorator: every call of the function is guarded, under its own name or `tool`.

        Guards see arguments by their names. Raises GuardBlocked where one says no.
        """
        if function is None:
            return partial(protected, self, tool=tool, session=session)
        return protected(self, function, tool=tool, session=session)

    @property
    def consumed(self) -> frozenset[str]:
        """The names of arguments that are for guards, and that no tool gets."""
        return self._consumed

    def open(
        self,
        tool: str,
        args: Mapping[str, Any] | None,
        *,
        is_async: bool,
        session: str | None = None,
        is_guarded: bool = False,
    ) -> Flow[Opened]:
        """Decide on a call; where it is guarded, its places are taken and have to be left."""
        tally = Tally(self._clock, is_output=False)
        whole = dict(args or {})
        rest, view = self._without_consumed(whole), None
        if rest is not whole:
            view = partial(_view, whole=whole)
            tally.took([row for row in self._rows if _takes(row, whole)])
        steps = self._steps[is_async, is_guarded]
        settled = yield from tally.settle_on(steps, (tool,), rest, view)
        rest = rest if settled is rest else self._without_consumed(settled)
        places: list[Row] = []
        admitted: list[Row] = []
        is_going = False
        try:
            if is_guarded:
                yield from self._enter(tally, tool, rest, session, places)
            if not tally.is_refused:
                yield from tally.admit(self._admitting, (tool,), rest, view, admitted)
            if tally.is_refused:
                _revoke(tally, admitted, tool, rest, view)
                yield from self._leave(tally, tool, rest, session, places)
            result = self._told("call", tool, whole, tally.result(rest), tally.memo)
            is_going = not result.blocked
        finally:
            if not is_going:  # every guard counts the call, or none does
                _revoke(tally, admitted, tool, rest, view)
                yield from self._leave(tally, tool, rest, session, places)
        return Opened(result, rest, tuple(places))

    def look_at_output(self, tool: str, args: dict[str, Any], output: Any) -> Flow[ChainResult]:
        """Decide on an output; guards that remember outputs get it as the caller will."""
        tally = Tally(self._clock, is_output=True)
        output = yield from self._look(tally, tool, args, output)
        return self._told("output", tool, args, tally.result(output), tally.memo)

    def close(
        self, tool: str, opened: Opened, session: str | None, outcome: Outcome
    ) -> Flow[ChainResult | None]:
        """Tell every guard how the call went and give its places back.

        Where a guard fails at that, the others are told all the same; the result is what comes of
        it.
        """
        tally = Tally(self._clock, is_output=True)
        try:
            self._settle(tally, tool, opened.args, outcome)
        finally:
            yield from self._leave(tally, tool, opened.args, session, list(opened.places))
        if tally.is_clear:
            return None
        return self._told("output", tool, opened.args, tally.result(None), tally.memo)

    def _add(self, guards: Iterable[Entry], *, is_shadow: bool) -> None:
        taken = (row.name for row in self._rows)
        new = (make_row(*named, is_shadow=is_shadow) for named in names_of(guards, taken))
        self._rows += tuple(new)
        self._steps = {
            (is_async, is_guarded): _call_steps(self._rows, is_async, is_guarded)
            for is_async in (False, True)
            for is_guarded in (False, True)
        }
        last = sorted(self._rows, key=lambda row: row.is_last_on_output)
        self._output_steps = _steps((row, row.check_output) for row in last)
        self._admitting = _steps((row, row.admit) for row in self._rows)
        self._admitting_output = _steps((row, row.admit_output) for row in self._rows)
        self._entering = _steps((row, row.enter) for row in self._rows if _is_entered(row))
        self._settling = _steps((row, row.settle) for row in self._rows)
        counted = (row for row in self._rows if not row.is_shadow)
        self._consumed = frozenset[str]().union(*(row.consumes for row in counted))

    def _begin(self, told: Iterable[tuple[Row, Callable[[], None] | None]]) -> None:
        faults: list[Exception] = []
        for row, begin in told:
            try:
                if begin:
                    begin()
            except Exception as error:  # noqa: BLE001  no guard keeps another from its turn
                if not row.is_shadow:
                    faults.append(error)
        if faults:
            raise faults[0]

    def _without_consumed(self, args: dict[str, Any]) -> dict[str, Any]:
        if self._consumed.isdisjoint(args):
            return args
        return {name: value for name, value in args.items() if name not in self._consumed}

    def _enter(
        self,
        tally: Tally,
        tool: str,
        args: dict[str, Any],
        session: str | None,
        places: list[Row],
    ) -> Flow[None]:
        for step in self._entering:
            if not tally.is_refused:
                result = yield from tally.ask(step, tool, args, session)
                if not result.blocked:
                    places.append(step.row)

    def _leave(
        self,
        tally: Tally,
        tool: str,
        args: dict[str, Any],
        session: str | None,
        places: list[Row],
    ) -> Flow[None]:
        """Give back the places of a call, every one of them."""
        if not places:
            return
        row = places.pop()
        assert row.leave is not None  # noqa: S101  what can be entered can be left
        try:
            left = row.leave(tool, args, session)
            if left is not None:
                yield Unbroken(left)
        except Exception as error:  # noqa: BLE001  a guard's fault is a refusal
            tally.failed(row, error)
        finally:
            tally.memo.forget()
            yield from self._leave(tally, tool, args, session, places)

    def _look(self, tally: Tally, tool: str, args: dict[str, Any], output: Any) -> Flow[Any]:
        """The output as all guards let it be."""
        output = yield from tally.settle_on(self._output_steps, (tool, args), output)
        for step in self._admitting_output:
            if not tally.is_stopped:
                said = yield from tally.ask(step, tool, args, output)
                if said.repaired and not step.row.is_shadow:
                    output = said.repaired_output
                    tally.changed()
        return output

    def _over(self, tool: str, args: dict[str, Any], output: Any) -> Flow[ChainResult]:
        """Decide on the output of a call that nobody saw, and take it for over."""
        tally = Tally(self._clock, is_output=True)
        better = yield from self._look(tally, tool, args, output)
        self._settle(tally, tool, args, Outcome(0.0, output))
        return self._told("output", tool, args, tally.result(better), tally.memo)

    def _settle(self, tally: Tally, tool: str, args: dict[str, Any], outcome: Outcome) -> None:
        for step in self._settling:
            tally.tell(step, tool, args, outcome)

    def _told(
        self, phase: Any, tool: str, args: dict[str, Any], result: ChainResult, memo: Memo
    ) -> ChainResult:
        if not self._observers:
            return result
        call = memo.of(args).signature(tool, self._key).hex()
        memo.forget()  # observers may do as they like
        decision = Decision(phase, tool, call, result)
        try:
            for observer in self._observers:
                recorded(observer, decision)
        except Exception as error:  # noqa: BLE001  what nobody can record may not happen
            return replace(
                result,
                final_verdict=Verdict.BLOCK,
                stopped_at=CHAIN,
                code="guard.unrecorded",
                reason=f"the decision could not be recorded ({type(error).__name__})",
                repaired_args=None,
                repaired_output=None,
            )
        return result


def _call_steps(rows: Places, is_async: bool, is_guarded: bool) -> tuple[Step, ...]:
    """Who is asked about a call, and how; where it is guarded, slots are taken instead."""
    return _steps(
        (row, row.judge_async if is_async else row.judge)
        for row in rows
        if not (is_guarded and _is_entered(row))
    )


def _steps(asked: Iterable[tuple[Row, Callable[..., Any] | None]]) -> tuple[Step, ...]:
    return tuple(Step.of(row, method) for row, method in asked if method)


def _is_entered(row: Row) -> bool:
    """Whether the call takes a place there; a shadow is only asked whether one is free."""
    return row.enter is not None and not row.is_shadow


def _takes(row: Row, args: dict[str, Any]) -> bool:
    """Whether the tool does not get some of these arguments because they are for this guard."""
    return not (row.is_shadow or row.consumes.isdisjoint(args))


def _view(row: Row, args: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """The arguments as this guard may see them."""
    if row.consumes.isdisjoint(whole):
        return args
    return args | {name: whole[name] for name in row.consumes if name in whole}


def _revoke(
    tally: Tally, rows: list[Row], tool: str, args: dict[str, Any], view: View | None
) -> None:
    while rows:
        row = rows.pop()
        if row.revoke:
            seen = args if view is None else view(row, args)
            tally.tell(Step.of(row, row.revoke), tool, seen)
