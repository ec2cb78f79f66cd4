"""How well each model suits a task now, and why; pure, with all that it knows as arguments."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from stopper.routing.model import ModelCapability, ModelConfig, TaskClass
from stopper.telemetry.levels import AlertLevel

if TYPE_CHECKING:
    from stopper.http.limiter import Health

__all__ = ["Choice", "Reason", "Situation", "Wish", "judge", "ranked"]

PRIORITY_SHARE: Final = 0.5
PREFERENCE: Final = 25
"""What being fast or cheap is worth to who prefers it."""

FULL_CONTEXT: Final = 0.7
TIGHT_POINTS: Final = 10
"""Lost by a model whose context the task fills beyond this share: replies suffer, and room ends."""

DOLLARS_A_POINT: Final = 0.001
MAX_PRICE_POINTS: Final = 25
"""A point is lost for each tenth of a cent that a thousand tokens cost, and 25 at most."""

BURN_POINTS: Final = {
    AlertLevel.INFO: 0,
    AlertLevel.WARNING: 10,
    AlertLevel.CRITICAL: 40,
    AlertLevel.FALLBACK: 60,
}
FAILING_POINTS: Final = 60
LEAST_REQUESTS: Final = 3
"""Of fewer requests nothing is concluded about a provider's health."""

BLOCKED_SECONDS: Final = 60.0
"""A provider that asked for a longer pause than this is left out."""

REVIEWS: Final = frozenset({TaskClass.CODE_REVIEW})
"""What may still be asked of a provider whose day's limit is nearly gone."""


class Wish(Struct, frozen=True, kw_only=True):
    """What a task asks for. `estimated_tokens` is its input with the reply."""

    task_class: TaskClass
    estimated_tokens: int = 0
    requires_tool_use: bool = False
    prefer_fast: bool = False
    prefer_cheap: bool = False


class Situation(Struct, frozen=True, kw_only=True):
    """What is known now: by provider, or by model for prices, in dollars a thousand tokens.

    `left` are tokens of the day's limit, `budgets` the most tokens of one request. What is not
    named is taken to be well.
    """

    burn: Mapping[str, AlertLevel] = {}
    left: Mapping[str, int] = {}
    budgets: Mapping[str, int] = {}
    health: Mapping[str, "Health"] = {}
    prices: Mapping[str, float] = {}


class Reason(Struct, frozen=True):
    """Points for or against a model; 0 where it is left out."""

    code: str
    points: float
    text: str


class Choice(Struct, frozen=True):
    """A model with all that speaks for and against it; `left_out` where it cannot be used."""

    name: str
    model: ModelConfig
    left_out: bool
    reasons: tuple[Reason, ...]

    @property
    def score(self) -> float:
        """The sum of the points; more is better."""
        return sum(reason.points for reason in self.reasons)

    @property
    def model_id(self) -> str:
        """What the provider calls it."""
        return self.model.model_id

    @property
    def provider(self) -> str:
        """Whose it is."""
        return self.model.provider


def ranked(
    models: Mapping[str, ModelConfig],
    wish: Wish,
    situation: Situation,
    affinity: Mapping[TaskClass, Mapping[ModelCapability, int]],
) -> list[Choice]:
    """All models: those that can be used by their score, and then those that are left out."""
    gains = affinity.get(wish.task_class, {})
    choices = [judge(name, model, wish, situation, gains) for name, model in models.items()]
    return sorted(choices, key=lambda choice: (choice.left_out, -choice.score, choice.name))


def judge(
    name: str,
    model: ModelConfig,
    wish: Wish,
    situation: Situation,
    gains: Mapping[ModelCapability, int],
) -> Choice:
    """One model: the reasons that leave it out, or the points that it gets."""
    against = _left_out(model, wish, situation)
    if against:
        return Choice(name, model, True, tuple(against))
    points = [
        Reason("priority", model.priority * PRIORITY_SHARE, f"priority {model.priority}"),
        *_of_capabilities(model, wish, gains),
        *_of_context(model, wish),
        *_of_price(model, wish, situation),
        *_of_state(model, situation),
    ]
    return Choice(name, model, False, tuple(points))


def _left_out(model: ModelConfig, wish: Wish, situation: Situation) -> list[Reason]:
    found = []
    provider, tokens = model.provider, wish.estimated_tokens
    if wish.requires_tool_use and not model.can(ModelCapability.TOOL_USE):
        found.append(("no_tools", "it has no tools"))
    if tokens > model.max_context:
        found.append(("context", f"{tokens:,} tokens do not fit into its {model.max_context:,}"))
    most = situation.budgets.get(provider)
    if most is not None and tokens > most:
        found.append(("budget", f"{tokens:,} tokens are over {provider}'s budget of {most:,}"))
    left = situation.left.get(provider)
    if left is not None and tokens > left:
        found.append(("day", f"{provider} has {left:,} tokens left today"))
    burn = situation.burn.get(provider, AlertLevel.INFO)
    if burn >= AlertLevel.FALLBACK and wish.task_class not in REVIEWS:
        found.append(("review_only", f"{provider} is for reviews only: its day is nearly used up"))
    health = situation.health.get(provider)
    if health is not None and health.blocked_seconds > BLOCKED_SECONDS:
        found.append(("blocked", f"{provider} asked to wait {health.blocked_seconds:.0f} s"))
    return [Reason(f"routing.{code}", 0, text) for code, text in found]


def _of_capabilities(
    model: ModelConfig, wish: Wish, gains: Mapping[ModelCapability, int]
) -> Sequence[Reason]:
    found = [
        Reason("capability", points, f"{capability} for {wish.task_class}")
        for capability, points in gains.items()
        if model.can(capability)
    ]
    if wish.prefer_fast and model.can(ModelCapability.FAST_INFERENCE):
        found.append(Reason("fast", PREFERENCE, "fast, as preferred"))
    if wish.prefer_cheap and model.can(ModelCapability.COST_EFFECTIVE):
        found.append(Reason("cheap", PREFERENCE, "cost-effective, as preferred"))
    return found


def _of_context(model: ModelConfig, wish: Wish) -> Sequence[Reason]:
    share = wish.estimated_tokens / model.max_context
    if share <= FULL_CONTEXT:
        return ()
    return (Reason("context", -TIGHT_POINTS, f"its context would be {share:.0%} full"),)


def _of_price(model: ModelConfig, wish: Wish, situation: Situation) -> Sequence[Reason]:
    """What it costs counts against it, and twice for who prefers it cheap."""
    dollars = situation.prices.get(model.model_id, model.cost_per_1k_tokens)
    points = min(MAX_PRICE_POINTS, dollars / DOLLARS_A_POINT) * (2 if wish.prefer_cheap else 1)
    if not points:
        return ()
    return (Reason("price", -points, f"${dollars:.4g} for a thousand tokens"),)


def _of_state(model: ModelConfig, situation: Situation) -> Sequence[Reason]:
    found = []
    burn = situation.burn.get(model.provider, AlertLevel.INFO)
    if BURN_POINTS[burn]:
        text = f"{model.provider}'s day is at {burn.name}"
        found.append(Reason("burn", -BURN_POINTS[burn], text))
    health = situation.health.get(model.provider)
    if health is not None and health.requests >= LEAST_REQUESTS and health.failing:
        text = f"{health.failing:.0%} of {model.provider}'s last {health.requests} requests failed"
        found.append(Reason("health", -FAILING_POINTS * health.failing, text))
    if health is not None and health.blocked_seconds:
        text = f"{model.provider} asked to wait {health.blocked_seconds:.0f} s"
        found.append(Reason("blocked", -health.blocked_seconds, text))
    return found
