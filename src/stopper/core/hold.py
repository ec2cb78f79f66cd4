"""How much is set aside before a request leaves, and how far its output is clamped to fit."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from stopper.core.budget import Budget, Unit

__all__ = ["Account", "Admission", "Denial", "Need", "admit"]

_TOKENS: Final = Unit.TOKENS
"""Bound once: a look into an enumeration costs more than the comparison it is for."""

_MILLI = 1000
_PICO = 10**6


class Need(Struct, frozen=True, gc=False):
    """The upper bound of a request's cost: a fixed part for its input, a price per output token.

    `milli_per_output` is in thousandths of a budget token, `pico_per_output` in millionths of a
    micro-dollar; both already count every choice (`n`) that the caller asked for. A request that is
    not `priced` fits no dollar budget, and one that is not `bounded` fits no budget at all.
    """

    tokens: int
    micros: int
    milli_per_output: int
    pico_per_output: int
    priced: bool = True
    bounded: bool = True

    def fits(self, unit: Unit) -> bool:
        """Whether a budget in `unit` can bind this request."""
        return self.bounded and (self.priced or unit is _TOKENS)

    def amount(self, unit: Unit, output: int) -> int:
        """The cost of the input and `output` tokens of output, rounded up."""
        if unit is _TOKENS:
            return self.tokens + -(-output * self.milli_per_output // _MILLI)
        return self.micros + -(-output * self.pico_per_output // _PICO)

    def affordable(self, unit: Unit, room: int) -> int | None:
        """How many output tokens `room` buys after the input; None where output is free."""
        if not self.fits(unit):
            return -1
        if unit is _TOKENS:
            fixed, price, scale = self.tokens, self.milli_per_output, _MILLI
        else:
            fixed, price, scale = self.micros, self.pico_per_output, _PICO
        if price == 0:
            return None if room >= fixed else -1
        return (room - fixed) * scale // price


class Account(Struct, frozen=True, gc=False):
    """A governing budget with what has been spent and held in its current window."""

    budget: Budget
    spent: int
    held: int

    @property
    def room(self) -> int:
        """What a new hold may take now."""
        return self.budget.limit - self.spent - self.held


class Admission(Struct, frozen=True, gc=False):
    """The request may leave with at most `output` tokens of output."""

    output: int


class Denial(Struct, frozen=True, gc=False):
    """The request may not leave: `account` has too little room.

    `waiting` is true where only other requests' holds stand in the way, so that room may come back.
    """

    account: Account
    waiting: bool


def admit(
    accounts: Iterable[Account], need: Need, asked: int, least: int = 1
) -> Admission | Denial:
    """Clamp `asked` output tokens to what every account can pay; fewer than `least` is a denial.

    Law: for each account, `need.amount(unit, result.output) <= room`. Of several accounts that
    deny, one that no settled hold would open again is the one named.
    """
    output, floor = asked, min(least, asked)
    denial: Denial | None = None
    for account in accounts:
        affordable = need.affordable(account.budget.unit, account.room)
        if affordable is None or affordable >= output:
            continue
        if affordable >= floor:
            output = affordable
        elif not _would_fit(account, need, floor):
            return Denial(account, waiting=False)
        elif denial is None:
            denial = Denial(account, waiting=True)
    return denial or Admission(output)


def _would_fit(account: Account, need: Need, least: int) -> bool:
    unit = account.budget.unit
    return need.fits(unit) and need.amount(unit, least) <= account.budget.limit - account.spent
