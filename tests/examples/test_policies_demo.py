"""Both worked examples run in one gate, and each decides as its comments say."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies_demo.py"
VERDICTS = [
    *("allow", "escalate"),
    *("escalate", "block", "block"),
    *("escalate", "escalate", "block", "block"),
]
REASONS = (
    "publishing a package needs a person",
    "production is not the agent's to change",
    "a deployment has to say where it goes",
    "more than 20 euro",
    "only invoices in euro",
)


def test_it_shows_what_the_policies_say() -> None:
    said = subprocess.check_output([sys.executable, "-W", "error", EXAMPLE], text=True)
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[::2]] == VERDICTS
    for reason in REASONS:
        assert reason in said
