"""The page about the gate knows every reason code and every kind of action, and its examples run."""

import re
from pathlib import Path

import pytest

from stopper.policy.decision import ActionType

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_code_is_told_and_no_other() -> None:
    sources = [*ROOT.glob("src/stopper/policy/*.py"), *ROOT.glob("src/stopper/safety/*.py")]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    codes = set(re.findall(r'"((?:policy|capability)\.[a-z_]+)"', text))
    assert codes == set(re.findall(r"`((?:policy|capability)\.[a-z_]+)`", PAGE))


def test_every_kind_of_action_has_a_row() -> None:
    assert not [kind for kind in ActionType if f"| `{kind}` |" not in PAGE]


@pytest.mark.parametrize("block", BLOCKS, ids=[str(place) for place in range(len(BLOCKS))])
def test_an_example_runs(block: str) -> None:
    exec(compile(block, "docs/policy.md", "exec"), {})  # noqa: S102  our own page
