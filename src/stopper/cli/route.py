"""`stopper route`: which model suits a task, and why."""

from typing import TYPE_CHECKING, Any, Final

import click

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import hint, print_json, warn
from stopper.cli.table import Cell, Column, print_table

if TYPE_CHECKING:
    from stopper.routing import Choice, Classified

__all__ = ["route"]

_TASKS: Final = (
    *("code_generation", "complex_reasoning", "simple_qa", "code_review"),
    *("refactoring", "documentation", "testing", "debugging"),
)
"""Those of `stopper.routing`, which the help does not load."""

_COLUMNS: Final = (
    Column("model"),
    Column("provider"),
    Column("score", right=True),
    Column("because", wrap=True),
)


@click.group()
def route() -> None:
    """Find the model that suits a task, and why."""


@route.command(
    epilog=examples(
        'stopper route explain "fix the flaky test"',
        "stopper route explain --task code_review --tokens 60000 --tools",
        "stopper route explain --task simple_qa --fast --pool models.toml --json",
    )
)
@click.argument("text", required=False)
@click.option(
    "--task",
    type=click.Choice(_TASKS),
    metavar="TASK",
    help="What it is, instead of a text: code_generation, debugging, ...",
)
@click.option("--tokens", type=click.IntRange(0), default=0, metavar="N", help="Its tokens.")
@click.option("--tools", is_flag=True, help="It needs tools.")
@click.option("--fast", is_flag=True, help="Rather fast.")
@click.option("--cheap", is_flag=True, help="Rather cheap.")
@click.option("--pool", type=click.Path(), metavar="FILE", help="Models, as TOML.")
@click.option("--ledger", type=click.Path(), metavar="FILE", help="Another than .stopper's.")
@json_option
def explain(
    *,
    text: str | None,
    task: str | None,
    tokens: int,
    tools: bool,
    fast: bool,
    cheap: bool,
    pool: str | None,
    ledger: str | None,
    as_json: bool,
) -> None:
    """Say which models suit TEXT or a kind of task, the best first, with every point.

    It knows what each can do and costs, what the ledger of `stopper.telemetry` says about each
    provider's day, and the budgets of context.
    """
    if (text is None) == (task is None):
        raise click.UsageError("Say what is to be done: a text, or --task.")
    from stopper.routing import (  # noqa: PLC0415  not for the help
        RoutingHint,
        TaskClass,
        current_situation,
        explain_task,
        fallback_chain,
        load_config,
        packaged_config,
    )
    from stopper.telemetry import TokenLedger  # noqa: PLC0415  not for the help

    config = load_config(pool) if pool else packaged_config()
    told = explain_task(text, config) if text is not None else None
    wish = RoutingHint(
        task_class=told.task_class if told else TaskClass(task or ""),
        estimated_tokens=tokens,
        requires_tool_use=tools,
        prefer_fast=fast,
        prefer_cheap=cheap,
    )
    situation = current_situation(config.models, TokenLedger(ledger))
    choices = wish.explain(situation=situation, config=config)
    chain = [choice.name for choice in fallback_chain(choices)]
    if as_json:
        print_json(_json(wish.task_class, told, choices, chain))
    else:
        _show(wish.task_class, told, choices, chain)


def _show(task: str, told: "Classified | None", choices: "list[Choice]", chain: list[str]) -> None:
    print_table(_COLUMNS, [_row(choice) for choice in choices])
    words = f" (by {', '.join(told.words)})" if told and told.words else ""
    hint(f"The task is {task}{words}.")
    if chain:
        hint(f"Try in this order: {', '.join(chain)}.")
    else:
        warn("No model can do it: the table says what each lacks.")


def _row(choice: "Choice") -> tuple[str | Cell, ...]:
    reasons = "; ".join(
        reason.text if choice.left_out else f"{reason.points:+.0f} {reason.text}"
        for reason in choice.reasons
    )
    score = Cell("out", Style.DIM) if choice.left_out else f"{choice.score:.0f}"
    return choice.name, choice.provider, score, reasons


def _json(
    task: str, told: "Classified | None", choices: "list[Choice]", chain: list[str]
) -> dict[str, Any]:
    return {
        "task_class": task,
        "words": told.words if told else (),
        "models": [
            {
                "name": choice.name,
                "model_id": choice.model_id,
                "provider": choice.provider,
                "score": None if choice.left_out else choice.score,
                "reasons": choice.reasons,
            }
            for choice in choices
        ],
        "fallback_chain": chain,
    }
