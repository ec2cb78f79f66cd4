"""What tokens cost: genai-prices as integers, exact for a usage and an upper bound for a hold."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from stopper.core.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

    from stopper.meter.wire import Ask

__all__ = ["STANDARD", "Band", "Rates", "Terms", "rates", "terms"]

FINE: Final = 10**12
"""Prices of a token are whole numbers of this part of a micro-dollar: some have many decimals."""

_FINE_A_PICO = 10**6

MAX_RATES: Final = 256
"""How many results of `rates` are remembered."""

MAX_MODEL_CHARS: Final = 256
"""Longer names have no price: an agent chooses them, and each is tried against many patterns."""

_MINUTE = 60
_SOUNDS = (b'"input_audio"', b'"audio/', b'"video/')


class Terms(Struct, frozen=True, gc=False):
    """What in a request changes its price: the service tier and speed, and whether it has sound."""

    tier: str = ""
    speed: str = ""
    sound: bool = False


STANDARD: Final = Terms()


class Band(Struct, frozen=True, gc=False):
    """Prices of a token, in `FINE` parts, for requests with more than `above` tokens of input."""

    above: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    reasoning: int

    @property
    def dearest_input(self) -> int:
        """The price of an input token whose kind is not known yet."""
        return max(self.input, self.cache_read, self.cache_write, self.cache_write_1h)


class Rates(Struct, frozen=True):
    """The prices of a model at a time. A band holds for all tokens of a request, as providers bill.

    `request` is a fee for each request, in `FINE` parts. What is billed by other
    measures (a web search, a page, an hour of storage) is not counted.
    """

    bands: tuple[Band, ...]
    request: int = 0

    def cost(self, usage: Usage) -> int:
        """Micro-dollars, rounded up; what the provider itself states wins when it is above zero."""
        if usage.cost:
            return usage.cost
        band = self._band(usage.input + usage.cache_write + usage.cache_read)
        hour = min(usage.cache_write_1h, usage.cache_write)
        hidden = min(usage.reasoning, usage.output)
        fine = (
            self.request
            + usage.input * band.input
            + usage.cache_read * band.cache_read
            + (usage.cache_write - hour) * band.cache_write
            + hour * band.cache_write_1h
            + (usage.output - hidden) * band.output
            + hidden * band.reasoning
        )
        return -(-fine // FINE)

    def input_micros(self, tokens: int) -> int:
        """The most that up to `tokens` of input of any kind cost, with the request's own fee."""
        dearest = max([band.dearest_input for band in self._reached(tokens)])
        return -(-(self.request + tokens * dearest) // FINE)

    def output_pico(self, tokens: int) -> int:
        """The most an output token costs after up to `tokens` of input, as `Need` has it."""
        dearest = max([max(band.output, band.reasoning) for band in self._reached(tokens)])
        return -(-dearest // _FINE_A_PICO)

    def _band(self, total: int) -> Band:
        return self._reached(total)[-1]

    def _reached(self, total: int) -> tuple[Band, ...]:
        bands = self.bands
        if len(bands) == 1 or total <= bands[1].above:
            return bands[:1]
        return tuple([band for band in bands if band.above < total])


def terms(ask: "Ask") -> Terms:
    """What in `ask` changes its price."""
    body = ask.body
    tier = body.get("service_tier") or body.get("serviceTier")
    speed = body.get("speed")
    sound = ask.media > 0 and _sounds(body)
    if not (tier or speed or sound):
        return STANDARD
    return Terms(_word(tier), _word(speed), sound)


def rates(pricing: str, model: str, at: datetime, given: Terms = STANDARD) -> Rates | None:
    """The prices of `model` at genai-prices' provider `pricing`; None where none are known.

    Prices change with the date and some with the time of day, never within a minute. A tier or
    speed counts where it makes a token dearer, not cheaper: a provider may serve another one.
    """
    if len(model) > MAX_MODEL_CHARS:
        return None
    return _rates(pricing, model, int(at.timestamp()) // _MINUTE, given)


@lru_cache(maxsize=MAX_RATES)
def _rates(pricing: str, model: str, minute: int, given: Terms) -> Rates | None:
    at = datetime.fromtimestamp(minute * _MINUTE, UTC)
    found = _find(pricing, model)
    if found is None:
        return None
    standard = _read(found.get_prices(at))
    for context in ({"service_tier": given.tier.lower()}, {"speed": given.speed.lower()}):
        if any(context.values()):
            standard = _dearer(standard, _read(found.get_prices(at, context)))
    return _assemble(standard, sound=given.sound)


def _find(pricing: str, model: str) -> "ModelInfo | None":
    # Imported here because it takes 200 ms. Its own look-up keeps every name it was ever asked for.
    from genai_prices.data_snapshot import (  # noqa: PLC0415
        find_provider_by_id,
        get_snapshot,
    )

    snapshot = get_snapshot()
    provider = find_provider_by_id(snapshot.providers, pricing)
    return provider.find_model(model, all_providers=snapshot.providers) if provider else None


_Tiers = dict[int, int]
"""Prices by the total input above which they hold; the base price stands at -1."""


def _read(prices: "ModelPrice") -> dict[str, _Tiers]:
    return {
        key.removesuffix("_mtok").removesuffix("_kcount"): _tiers(key, price)
        for key, price in vars(prices).items()
        if price is not None and key.endswith(("_mtok", "_kcount", "_hours"))
    }


def _tiers(key: str, price: Any) -> _Tiers:
    scale = FINE * 1000 if key.endswith("_kcount") else FINE
    if isinstance(price, Decimal):
        return {-1: _up(price * scale)}
    return {-1: _up(price.base * scale)} | {t.start: _up(t.price * scale) for t in price.tiers}


def _up(price: Decimal) -> int:
    return int(price.to_integral_value(rounding=ROUND_CEILING))


def _dearer(one: Mapping[str, _Tiers], two: Mapping[str, _Tiers]) -> dict[str, _Tiers]:
    return {key: _highest([one.get(key, {}), two.get(key, {})]) for key in {*one, *two}}


def _highest(all_tiers: list[_Tiers]) -> _Tiers:
    starts = sorted({start for tiers in all_tiers for start in tiers})
    return {start: max(_at(tiers, start) for tiers in all_tiers) for start in starts}


def _at(tiers: _Tiers, start: int) -> int:
    reached = [key for key in tiers if key <= start]
    return tiers[max(reached)] if reached else 0


def _assemble(listed: Mapping[str, _Tiers], *, sound: bool) -> Rates | None:
    if "input" not in listed or (sound and not listed.keys().isdisjoint(_BY_THE_HOUR)):
        return None
    entry = _with(listed, "input", _INPUT_SOUNDS if sound else ())
    read = _with(listed, "cache_read", _READ_SOUNDS if sound else ()) or entry
    write = listed.get("cache_write") or entry
    hour = listed.get("cache_write_1h") or write
    # A model that answers in images or sound does so unasked: each token may be one of those.
    output = _with(listed, "output", _OUTPUT_MEDIA)
    hidden = listed.get("output_reasoning") or output
    columns = (entry, output, read, write, hour, hidden)
    starts = sorted({start for column in columns for start in column})
    bands = tuple(Band(start, *(_at(column, start) for column in columns)) for start in starts)
    return Rates(bands, _at(listed.get("requests", {}), -1))


_BY_THE_HOUR = frozenset({"audio_hours", "input_audio_hours"})
_INPUT_SOUNDS = ("input_audio", "input_video")
_READ_SOUNDS = ("cache_audio_read", "cache_video_read")
_OUTPUT_MEDIA = ("output_audio", "output_image", "output_video")


def _with(listed: Mapping[str, _Tiers], key: str, others: tuple[str, ...]) -> _Tiers:
    return _highest([listed[name] for name in (key, *others) if name in listed])


def _sounds(body: dict[str, Any]) -> bool:
    text = msgspec.json.encode(body)
    return any(mark in text for mark in _SOUNDS)


def _word(value: Any) -> str:
    return value[:32] if isinstance(value, str) else ""
