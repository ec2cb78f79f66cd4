"""An agent's base class: every message is checked against the provider's budget of context.

Run it to see a conversation grow, be narrowed, and be refused: `python examples/agent_base.py`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from stopper.io_budget import (
    BudgetViolation,
    NarrowingMode,
    check_budget,
    estimate_tokens,
    narrow,
)

Messages = Sequence[dict[str, Any]]


class BudgetExceededError(Exception):
    """The request is over the provider's budget, and narrowing is not enough."""


class Agent:
    """What all agents of a program share; `complete` is what each does with a model."""

    provider = "cerebras"

    async def send_message(self, messages: Messages) -> str:
        """Send what fits: as it is, or narrowed; refuse what does not."""
        result = check_budget(estimate_tokens(messages), 0, self.provider)
        if result.violation == BudgetViolation.HARD:
            raise BudgetExceededError(result.message)
        if result.violation == BudgetViolation.SOFT:
            mode = result.narrowing_mode or NarrowingMode.TRUNCATE_HEAD
            messages = narrow(messages, mode, result.target_tokens, summarize=self.summarize)
        return await self.complete(messages)

    def summarize(self, gone: Messages) -> str:
        """What stands for messages that are left out; a real agent asks a small model."""
        return f"{len(gone)} earlier messages were about the parser."

    async def complete(self, messages: Messages) -> str:
        """Ask the model; this one only counts."""
        return f"{len(messages)} messages, {estimate_tokens(messages):,} tokens"


async def main() -> None:
    """Send ever longer conversations."""
    agent = Agent()
    for turns in (100, 800, 1100):
        steps = [f"Step {number} of it is done. " * 5 for number in range(turns)]
        messages = [
            {"role": "user", "content": "Mend the parser."},
            *({"role": "assistant", "content": step} for step in steps),
        ]
        try:
            print(f"{turns} turns: sent {await agent.send_message(messages)}")
        except BudgetExceededError as error:
            print(f"{turns} turns: refused. {error}")


if __name__ == "__main__":
    asyncio.run(main())
