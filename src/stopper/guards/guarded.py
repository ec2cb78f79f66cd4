"""One call from its check to the release of its slot: a block, or a decorated function."""

import inspect
from collections.abc import Callable, Generator, Mapping
from functools import WRAPPER_UPDATES, partial, update_wrapper
from types import TracebackType
from typing import Any, Final, Protocol

from stopper.errors import GuardError, SettingsError
from stopper.guards.flow import Flow, drive, drive_async, is_async, is_generator
from stopper.guards.models import GuardBlocked, Outcome, error_class
from stopper.guards.opened import is_once
from stopper.guards.result import ChainResult
from stopper.guards.shown import shown
from stopper.guards.world import NS_PER_MS, Clock

__all__ = ["AsyncCall", "Call", "Guarded", "protected"]

_MAX_SHOWN: Final = 100
_NO_OUTPUT: Final = (
    "the output of {tool} was never looked at: end the block with call.finish(output), "
    "and use what that returns"
)
_ONCE: Final = (
    "{tool} gave a {kind}, and nobody can look at what comes of it before it is used: give "
    "call.finish all of it, as a list or a text; a function whose result has to be awaited is "
    "protected as an async one that awaits it"
)


class _Opened(Protocol):
    result: ChainResult
    args: dict[str, Any]
    places: tuple[Any, ...]


class _Chain(Protocol):
    """What a guarded call asks of its chain."""

    @property
    def consumed(self) -> frozenset[str]:
        """Arguments that no tool gets."""

    def guarded(self, tool: str, args: Any = None, *, session: str | None = None) -> "Guarded":
        """A block around one call."""

    def open(
        self, tool: str, args: Any, *, is_async: bool, session: str | None, is_guarded: bool
    ) -> Generator[Any, Any, Any]:
        """Decide on a call and take its places."""

    def look_at_output(self, tool: str, args: Any, output: Any) -> Flow[ChainResult]:
        """Decide on an output."""

    def close(
        self, tool: str, opened: Any, session: str | None, outcome: Outcome
    ) -> Flow[ChainResult | None]:
        """Tell every guard how the call went, and give the places back."""


class _Running:
    """A call that may go."""

    def __init__(self, chain: _Chain, tool: str, opened: _Opened, clock: Clock) -> None:
        self.tool = tool
        self.args = dict(opened.args)
        """The arguments to use: repaired, where a guard repaired them."""
        self.result = opened.result
        """What the guards said before the call."""
        self.output: Any = None
        """What `finish` returned."""
        self.outcome: Outcome | None = None
        self._chain = chain
        self._clock = clock
        self._began = clock()

    def ended(self, output: Any = None, error: BaseException | None = None) -> Outcome:
        """How the call went, as of now; what came first stands."""
        if self.outcome is None:
            elapsed = (self._clock() - self._began) / NS_PER_MS
            self.outcome = Outcome(elapsed, output, error_class(error) if error else None)
        return self.outcome

    def _finishing(self, output: Any) -> Flow[Any]:
        _check_is_whole(self.tool, output)
        self.ended(output)
        said = yield from self._chain.look_at_output(self.tool, dict(self.args), output)
        if said.blocked:
            raise GuardBlocked(self.tool, said)
        self.output = said.repaired_output if said.repaired else output
        return self.output


class Call(_Running):
    """A call that may go, in a `with` block."""

    def finish(self, output: Any) -> Any:
        """What to use instead of `output`; GuardBlocked where none of it may be used.

        GuardError for what can be looked at only once, such as a coroutine or a generator.
        """
        return drive(self._finishing(output))


class AsyncCall(_Running):
    """A call that may go, in an `async with` block."""

    async def finish(self, output: Any) -> Any:
        """As `Call.finish`; `output` itself has to be awaited before."""
        return await drive_async(self._finishing(output))


class Guarded:
    """A block around one call, to be entered once.

    Entering it asks the guards and takes the slot, or raises GuardBlocked. In it, call the tool
    with `call.args` and end with `call.finish(output)`, which asks the guards about the output and
    gives what may be used. Leaving it tells the guards how it went and gives the slot back,
    whatever happened; GuardBlocked where a guard fails at that, and GuardError where an output was
    never looked at. An exception of the block itself comes out as it is.
    """

    def __init__(
        self,
        chain: _Chain,
        tool: str,
        args: Mapping[str, Any] | None,
        session: str | None,
        clock: Clock,
    ) -> None:
        self._chain = chain
        self._tool = tool
        self._args = args
        self._session = session
        self._clock = clock
        self._opened: Any = None
        self._call: _Running | None = None

    def __enter__(self) -> Call:
        drive(self._open(is_async=False))
        self._call = call = Call(self._chain, self._tool, self._opened, self._clock)
        return call

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        drive(self._close(error))

    async def __aenter__(self) -> AsyncCall:
        await drive_async(self._open(is_async=True))
        self._call = call = AsyncCall(self._chain, self._tool, self._opened, self._clock)
        return call

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await drive_async(self._close(error))

    def _open(self, *, is_async: bool) -> Flow[None]:
        if self._opened is not None:
            raise GuardError(
                f"a guarded block is for one call of {shown(self._tool)}: make another one"
            )
        self._opened = yield from self._chain.open(
            self._tool, self._args, is_async=is_async, session=self._session, is_guarded=True
        )
        if self._opened.result.blocked:
            raise GuardBlocked(self._tool, self._opened.result)

    def _close(self, error: BaseException | None) -> Flow[None]:
        call, opened = self._call, self._opened
        assert call is not None  # noqa: S101  it was entered
        is_unseen = call.outcome is None
        outcome = call.ended(error=error)
        failed = yield from self._chain.close(self._tool, opened, self._session, outcome)
        if error is not None:
            return  # the call's own fault is what comes out, whatever guards make of it
        if failed is not None and failed.blocked:
            raise GuardBlocked(self._tool, failed)
        if is_unseen:
            raise GuardError(_NO_OUTPUT.format(tool=shown(self._tool)))


def protected(
    chain: _Chain,
    function: Callable[..., Any],
    *,
    tool: str | None = None,
    session: str | None = None,
) -> Callable[..., Any]:
    """`function` with every call of it guarded; SettingsError for a generator.

    A partial is named by its function, and guards see what it was given; an object by its class.
    """
    _check_protectable(function)
    whole, first, preset = _unfolded(function)
    named_by = _named_by(function)
    name = tool or named_by.__name__
    binding = _Binding(whole, chain.consumed)

    def dressed(call: Callable[..., Any]) -> Callable[..., Any]:
        own = WRAPPER_UPDATES if inspect.isroutine(whole) else ()
        update_wrapper(call, named_by, updated=own).__wrapped__ = function
        return call

    if is_async(function):

        @dressed
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            bound, named = binding.named(first + args, preset | kwargs)
            async with chain.guarded(name, named, session=session) as call:
                given, by_name = binding.given(bound, call.args)
                return await call.finish(await whole(*given, **by_name))

        return call_async

    @dressed
    def call_now(*args: Any, **kwargs: Any) -> Any:
        bound, named = binding.named(first + args, preset | kwargs)
        with chain.guarded(name, named, session=session) as call:
            given, by_name = binding.given(bound, call.args)
            return call.finish(whole(*given, **by_name))

    return call_now


def _check_is_whole(tool: str, output: Any) -> None:
    if not is_once(output):
        return
    if inspect.iscoroutine(output):
        output.close()  # nobody will await it any more
    raise GuardError(_ONCE.format(tool=shown(tool), kind=type(output).__name__))


def _check_protectable(function: Any) -> None:
    if isinstance(function, str):
        raise SettingsError(
            f"protect({function[:_MAX_SHOWN]!r}): the name of a tool is given as "
            f"protect(tool={function[:_MAX_SHOWN]!r})"
        )
    if isinstance(function, classmethod | staticmethod):
        kind = type(function).__name__
        raise SettingsError(f"protect: swap the two, so that @{kind} stands above @protect")
    if not callable(function):
        raise SettingsError(f"protect: a {type(function).__name__} is no function; give one")
    if is_generator(function):
        raise SettingsError(
            f"{_named_by(function).__name__} is a generator, and nobody could look at its output "
            "before it is used: protect a function that returns the whole of it"
        )


def _named_by(function: Any) -> Any:
    """What a function is named and described by: a partial by its function, others by a class."""
    whole, _, _ = _unfolded(function)
    return whole if hasattr(whole, "__name__") else type(whole)


def _unfolded(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function of a partial, and what it is given first; any other has nothing of the kind."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    while isinstance(function, partial):
        args, kwargs = function.args + args, function.keywords | kwargs
        function = function.func
    return function, args, kwargs


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:
        raise SettingsError(
            f"protect: nobody knows the names of the arguments of {function!r}; put a function "
            "around it that names them"
        ) from None


class _Binding:
    """Between how a function is called and the names that guards know its arguments by."""

    def __init__(self, function: Callable[..., Any], consumed: frozenset[str]) -> None:
        self._signature = _signature(function)
        self._consumed = consumed - set(self._signature.parameters)
        parameters = list(self._signature.parameters.values())
        self._hidden = {one.name for one in parameters[:1] if one.name in {"self", "cls"}}
        rest = [one.name for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD]
        self._rest = rest[0] if rest else None

    def named(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[inspect.BoundArguments, dict[str, Any]]:
        """The call as Python binds it, and its arguments by their names.

        GuardError where two have one name: guards would look at one, and the function get another.
        """
        own = {name: kwargs.pop(name) for name in self._consumed if name in kwargs}
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        named = {n: v for n, v in bound.arguments.items() if n not in self._hidden}
        rest = named.pop(self._rest, {}) if self._rest else {}
        for name in rest.keys() & self._signature.parameters:
            raise GuardError(
                f"two arguments are {name!r}, one of them in **{self._rest}, and guards know each "
                "by its name: give one of them another name"
            )
        return bound, named | rest | own

    def given(
        self, bound: inspect.BoundArguments, named: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What to call the function with, when guards made `named` of its arguments.

        An argument that they took out keeps its default, or is missing as in any other call.
        """
        known = {n: v for n, v in named.items() if n in self._signature.parameters}
        hidden = {n: bound.arguments[n] for n in self._hidden}
        arguments = {n: (hidden | known)[n] for n in bound.arguments if n in hidden | known}
        if self._rest:
            arguments[self._rest] = {n: v for n, v in named.items() if n not in known}
        again = inspect.BoundArguments(self._signature, arguments)
        return again.args, again.kwargs
