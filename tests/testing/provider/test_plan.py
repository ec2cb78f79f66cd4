import pytest

from stopper.testing.provider import Script, Tool
from stopper.testing.provider.ask import Ask
from stopper.testing.provider.plan import Stop, make_plan

CALLS = (Tool("f", '{"a": 1}'), Tool("g"))

PLANS: dict[str, tuple[Script, int | None, tuple[int, int, list[bool]], Stop]] = {
    # what is told: (script, limit, (thinking, text, calls that are whole), stop)
    "all of it": (Script(thinking=2, tokens=3, tools=CALLS), 8, (2, 3, [True, True]), Stop.TOOLS),
    "a call too many": (Script(tokens=3, tools=CALLS), 5, (0, 3, [True]), Stop.LIMIT),
    "half a call": (Script(tokens=3, tools=CALLS), 4, (0, 3, [False]), Stop.LIMIT),
    "half a text": (Script(thinking=2, tokens=3, tools=CALLS), 4, (2, 2, []), Stop.LIMIT),
    "half a thought": (Script(thinking=9, tokens=3), 4, (4, 0, []), Stop.LIMIT),
    "just enough": (Script(thinking=2, tokens=3), 5, (2, 3, []), Stop.END),
    "no limit": (Script(tokens=300), None, (0, 300, []), Stop.END),
    "the model's own limit": (Script(tokens=10_000_000), None, (0, 128_000, []), Stop.LIMIT),
    "calls alone": (Script(tools=CALLS), 99, (0, 0, [True, True]), Stop.TOOLS),
    "nothing special": (Script(), 99, (0, 32, []), Stop.END),
    "a limit that is ignored": (Script(tokens=9, ignore_limit=True), 4, (0, 9, []), Stop.END),
}


@pytest.mark.parametrize(("script", "limit", "told", "stop"), PLANS.values(), ids=PLANS)
def test_make_plan(
    script: Script, limit: int | None, told: tuple[int, int, list[bool]], stop: Stop
) -> None:
    """Thinking comes before text, and text before calls, as far as the limit goes."""
    plan = make_plan(1, Ask("m", stream=True, prompt=7, limit=limit, choices=3), script)
    calls = [call.whole for call in plan.calls]
    assert (plan.thinking.count, plan.text.count, calls) == told
    assert plan.stop is stop
    assert plan.output == plan.reasoning + plan.said
    assert limit is None or script.ignore_limit or plan.output <= 3 * limit
