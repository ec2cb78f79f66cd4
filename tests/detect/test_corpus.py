import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest

from stopper.detect.urls import forbidden

ROOT = Path(__file__).parents[2]
DESTINATIONS = ROOT / "tests/detect/corpus/destinations.tsv"

TARGETS = {
    # what is detected    a sample of every      least recall  most false alarms
    "destinations":       ("destinations",        0.97,         0.005),
    "secrets":            ("secrets",             0.97,         0.005),
    "secrets, encoded":   ("secrets, encoded",    0.97,         0.005),
}  # fmt: skip
STEP = 23


@cache
def _scores() -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "bench.detect_quality", "--json", "--step", str(STEP)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.stdout, done.stderr.decode()
    rows = msgspec.json.decode(done.stdout, type=list[dict[str, object]])
    return {
        str(row["what"]): {
            name: value for name, value in row.items() if isinstance(value, int | float)
        }
        for row in rows
    }


@pytest.mark.parametrize(("what", "recall", "alarms"), TARGETS.values(), ids=TARGETS)
def test_labelled_sets(what: str, recall: float, alarms: float) -> None:
    """A part of each set, as `make bench-detect` measures the whole."""
    score = _scores()[what]
    assert score["bad"] > 0
    assert score["recall"] >= recall
    assert score["false_alarms"] <= alarms


def test_every_destination() -> None:
    """All rows, to the very reason code."""
    wrong = []
    for row in DESTINATIONS.read_text(encoding="utf-8").splitlines()[1:]:
        code, _, text = row.partition("\t")
        destination = text.encode("ascii", "backslashreplace").decode("unicode_escape")
        refusal = forbidden(destination)
        if (refusal.code if refusal else "ok") != code:
            wrong.append(row)
    assert not wrong
