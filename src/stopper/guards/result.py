"""What a chain of guards says about one call or its output."""

from typing import Any

from msgspec import Struct

from stopper.core.verdict import Verdict
from stopper.guards.models import GuardResult

__all__ = ["ChainResult"]

_NS = 1000


class ChainResult(Struct, frozen=True, kw_only=True):
    """The strictest of all verdicts, who gave it and why.

    `stopped_at` is the guard that stopped the call, or else the first that repaired it, or else the
    first that a capability token or the like was for, which the tool does not get. `reason`
    joins what all guards said, or is that of the stop alone. `results` holds the strictest result
    of each guard that was asked, in the order of the chain; those named in `shadows` do not count.
    """

    final_verdict: Verdict
    stopped_at: str | None = None
    reason: str = ""
    code: str = ""
    repaired_args: dict[str, Any] | None = None
    repaired_output: Any = None
    results: dict[str, GuardResult] = {}
    shadows: frozenset[str] = frozenset()
    elapsed_ns: dict[str, int] = {}

    @property
    def allowed(self) -> bool:
        """Whether the call may go exactly as it is."""
        return self.final_verdict is Verdict.ALLOW or self.final_verdict is Verdict.WARN

    @property
    def warned(self) -> bool:
        """Whether the call may go with a warning."""
        return self.final_verdict is Verdict.WARN

    @property
    def repaired(self) -> bool:
        """Whether `repaired_args`, or `repaired_output`, must be used instead."""
        return self.final_verdict is Verdict.REPAIR

    @property
    def escalated(self) -> bool:
        """Whether a person has to agree first."""
        return self.final_verdict is Verdict.ESCALATE

    @property
    def blocked(self) -> bool:
        """Whether the call may not go now; true for `ESCALATE` too, until a person agreed."""
        return self.final_verdict is Verdict.BLOCK or self.final_verdict is Verdict.ESCALATE

    @property
    def details(self) -> dict[str, dict[str, Any]]:
        """For each guard by its name: `verdict`, `code` and `reason`, and what else it tells."""
        return {name: self._detail(name, result) for name, result in self.results.items()}

    @property
    def timings(self) -> dict[str, float]:
        """For each guard by its name, the microseconds that it took."""
        return {name: elapsed / _NS for name, elapsed in self.elapsed_ns.items()}

    def _detail(self, name: str, result: GuardResult) -> dict[str, Any]:
        shadow = {"shadow": True} if name in self.shadows else {}
        said = {"verdict": result.verdict.value, "code": result.code, "reason": result.reason}
        return {**result.details, **said, **shadow}
