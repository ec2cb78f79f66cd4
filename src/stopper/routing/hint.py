"""`RoutingHint`: what a task asks for, and which models suit it, with the reasons."""

from collections.abc import Sequence
from typing import Final

from stopper.routing.classify import Classified, classify
from stopper.routing.config import RoutingConfig, packaged_config
from stopper.routing.model import ModelPool, TaskClass
from stopper.routing.score import Choice, Situation, Wish, ranked

__all__ = ["RoutingHint", "classify_task", "explain_task", "fallback_chain"]

MAX_CHAIN: Final = 8
"""The most models in a chain: whoever failed eight times has another trouble."""


class RoutingHint(Wish, frozen=True, kw_only=True):
    """What a task asks for; only `task_class` has to be said."""

    def get_recommended_models(
        self,
        pool: ModelPool | None = None,
        situation: Situation | None = None,
        config: RoutingConfig | None = None,
    ) -> list[Choice]:
        """The models of a pool that can do it, the most suitable first, each with its reasons."""
        return [one for one in self.explain(pool, situation, config) if not one.left_out]

    def explain(
        self,
        pool: ModelPool | None = None,
        situation: Situation | None = None,
        config: RoutingConfig | None = None,
    ) -> list[Choice]:
        """All models of a pool, those that cannot do it at the end, with the reasons why not."""
        config = config or packaged_config()
        models = (pool or config.models).models
        return ranked(models, self, situation or Situation(), config.affinity)


def fallback_chain(choices: Sequence[Choice], most: int = MAX_CHAIN) -> list[Choice]:
    """Which models to try one after the other: the best, then the best of another provider.

    A provider comes again once all of them had a turn; models that are left out never do.
    """
    waiting = [choice for choice in choices if not choice.left_out]
    chain: list[Choice] = []
    while waiting and len(chain) < most:
        turns = {one.provider: sum(c.provider == one.provider for c in chain) for one in waiting}
        fewest = min(turns.values())
        place = next(n for n, one in enumerate(waiting) if turns[one.provider] == fewest)
        chain.append(waiting.pop(place))
    return chain


def classify_task(text: str, config: RoutingConfig | None = None) -> TaskClass:
    """What kind of task a text is."""
    return explain_task(text, config).task_class


def explain_task(text: str, config: RoutingConfig | None = None) -> Classified:
    """The same with the words that told it."""
    return classify(text, (config or packaged_config()).words)
