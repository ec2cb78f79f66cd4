"""The examples of the toolkit run, and what they show is so."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def said(name: str) -> list[str]:
    return subprocess.check_output([sys.executable, EXAMPLES / name], text=True).splitlines()


def test_the_agents_base_class() -> None:
    fits, narrowed, refused = said("agent_base.py")
    assert fits.startswith("100 turns: sent 101 messages")
    assert narrowed.startswith("800 turns: sent ")
    assert int(narrowed.rpartition(", ")[2].split()[0].replace(",", "")) < 35_000
    assert refused.startswith("1100 turns: refused. Over budget")


def test_the_llm_client() -> None:
    waited, streamed, clamped, refused, *books = said("llm_client.py")
    assert waited.endswith(" tokens")
    assert streamed.startswith("gpt-5-mini streams: ")
    assert clamped.endswith("100 tokens")
    assert "[stopper context.exceeded]" in refused
    assert [line.partition(", ")[0] for line in books] == ["anthropic: 2 calls", "openai: 1 calls"]
    assert all(line.endswith("Normal operation") for line in books)
