"""The page about guards knows every guard and every reason code, and its examples run."""

import re
from pathlib import Path

import pytest

from stopper.guards import budget, concurrency, output_size, plan_shape, schema, timeout_budget
from stopper.guards.kinds import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guards.md").read_text(encoding="utf-8")
AREAS = {code.partition(".")[0] for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", PAGE)}
MADE = {budget, concurrency, output_size, plan_shape, schema, timeout_budget}
"""The files that make a code of an area and a word."""


def test_every_guard_has_a_row() -> None:
    missing = [
        row.config.__name__ for row in KINDS.values() if f"`{row.guard.__name__}`" not in PAGE
    ]
    assert not missing


def test_every_code_has_a_place() -> None:
    sources = (ROOT / "src" / "stopper" / "guards").glob("*.py")
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    codes = {
        code
        for code in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)
        if code.partition(".")[0] in AREAS
    }
    assert len(codes) > 40
    assert not {
        code for code in codes if f"`{code}`" not in PAGE and not code.startswith("network.")
    }


def test_codes_that_are_made_have_a_place() -> None:
    for module in MADE:
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        made = re.findall(r'f"([a-z]+)\.\{', source)
        assert made, f"{module.__name__} makes no codes any more"
        assert all(f"`{area}." in PAGE for area in made)


@pytest.mark.parametrize("page", ["README.md", "docs/guards.md", "docs/guide.md"])
def test_the_examples_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "guards" in one]
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})  # noqa: S102  our own page
    for told in re.findall(r"print\(blocked\)  # (.*?) \.\.\.", text):
        assert told in capsys.readouterr().out
