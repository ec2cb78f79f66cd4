"""Statistics that have run off the scale: extreme inputs, and 0 or 1 again and again."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta

from stopper.guards.config import Config, Some, configure
from stopper.guards.models import ALLOWED, OFF, EnforcementLevel, GuardResult, block, enforced, warn
from stopper.guards.world import lock

__all__ = ["SaturationGuard", "SaturationGuardConfig"]

_MAX_RECENT: Final = 10
_RESULT_KEYS: Final = ("result", "value", "output", "p_value", "probability")
_NO_RESULT: Final = object()


class SaturationGuardConfig(Config, frozen=True, kw_only=True):
    """Which tools compute a CDF, and what of it is suspicious; nothing is unless it is named."""

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    cdf_tools: AbstractSet[str] = frozenset()
    z_threshold: Annotated[float, Meta(ge=0)] = 8.0
    block_on_extreme: bool = False
    max_consecutive_degenerate: Some = 3
    degenerate_values: AbstractSet[float] = frozenset()
    tolerance: Annotated[float, Meta(ge=0)] = 1e-9


class SaturationGuard:
    """Warns of arguments so extreme that a CDF can only answer 0 or 1, and of such answers in rows.

    Looks at `cdf_tools` alone, by their full name or the last part of it. `x`, `mean` and `std`
    make the Z-score, or `z` gives it; what is no number is nothing to judge, and raises nothing.
    Threads may share a guard; it keeps the last ten results.
    """

    shares: ClassVar = frozenset[str]()

    def __init__(self, config: SaturationGuardConfig | None = None, **given: Any) -> None:
        self.config = configure(SaturationGuardConfig, config, given)
        self._lock = lock()
        self._consecutive = 0
        self._recent: deque[float] = deque(maxlen=_MAX_RECENT)

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether the Z-score of these arguments is past `z_threshold`."""
        config = self.config
        if config.mode is OFF or not self._watches(tool) or not isinstance(args, Mapping):
            return ALLOWED
        x, mean, std = (_number(args.get(name)) for name in ("x", "mean", "std"))
        mean, std = 0.0 if mean is None else mean, 1.0 if std is None else std
        z = _number(args.get("z")) if x is None else _score(x, mean, std)
        if z is None or not abs(z) > config.z_threshold:
            return ALLOWED
        shown = "" if x is None else f" (x={x}, mean={mean}, std={std})"
        say = block if config.block_on_extreme else warn
        result = say(
            "saturation.extreme_input",
            f"SATURATION_WARNING: `{tool}` called with extreme Z-score |Z|={abs(z):.2f} > "
            f"{config.z_threshold}. This will return essentially 0 or 1, suggesting a calculation "
            f"error. Please verify the input computation{shown}.",
            z_score=z,
        )
        return enforced(config.mode, result)

    def check_output(self, tool: str, args: Any, output: Any = _NO_RESULT) -> GuardResult:
        """Whether this is one degenerate result too many, and count it.

        Takes `(tool, args, output)`, or `(tool, output)` alone. A result is a number, a text of
        one, or stands under `result`, `value`, `output`, `p_value` or `probability`.
        """
        config = self.config
        if config.mode is OFF or not self._watches(tool):
            return ALLOWED
        value = _found(args if output is _NO_RESULT else output)
        if value is None:
            return ALLOWED
        with self._lock:
            self._recent.append(value)
            degenerate = any(abs(value - one) <= config.tolerance for one in _finite(config))
            self._consecutive = self._consecutive + 1 if degenerate else 0
            count = self._consecutive
        if not count or count < config.max_consecutive_degenerate:
            return ALLOWED
        return warn(
            "saturation.degenerate_output",
            f"SATURATION_WARNING: `{tool}` returned {count} degenerate results in a row (last: "
            f"{value}). This suggests an error in an earlier calculation; please verify it.",
            consecutive_degenerate=count,
        )

    def admit_output(self, tool: str, args: dict[str, Any], output: Any) -> GuardResult:
        """The same as `check_output`, for a chain."""
        return self.check_output(tool, args, output)

    def get_status(self) -> dict[str, Any]:
        """How many results in a row were degenerate, and the last results."""
        with self._lock:
            return {
                "consecutive_degenerate": self._consecutive,
                "recent_results": list(self._recent),
            }

    def reset(self) -> None:
        """Forget all results."""
        with self._lock:
            self._consecutive = 0
            self._recent.clear()

    def _watches(self, tool: str) -> bool:
        tools = self.config.cdf_tools
        if not tools:
            return False
        return tool in tools or tool.replace("__", ".").rpartition(".")[2] in tools


def _finite(config: SaturationGuardConfig) -> Sequence[float]:
    return [value for value in config.degenerate_values if math.isfinite(value)]


def _score(x: float, mean: float, std: float) -> float | None:
    if std:
        return (x - mean) / std
    return None if x == mean else math.copysign(math.inf, x - mean)


def _found(output: Any) -> float | None:
    if isinstance(output, Mapping):
        numbers = (_number(output.get(key)) for key in _RESULT_KEYS)
        return next((number for number in numbers if number is not None), None)
    return _number(output)


def _number(value: Any) -> float | None:
    """A finite or infinite number, a `Decimal` among it; None for all else, `True` and NaN too."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf if isinstance(value, int | Fraction) and value > 0 else -math.inf
    return None if math.isnan(number) else number
