"""What a line of the usage ledger costs."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench.harness import Bench, Row
from stopper.telemetry import TokenLedger

__all__ = ["BENCH"]

ENTRIES: Final = 2000
_US: Final = 1e6


def measure(rounds: int) -> Iterator[Row]:
    """Ours, locked and added up, and a bare line, in turns; then the sums of a fresh process."""
    with tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder:
        path = Path(folder) / "usage.jsonl"
        ledger = TokenLedger(path, environ={})
        with (Path(folder) / "bare.jsonl").open("a") as bare:

            def write() -> None:
                line = {
                    "timestamp": datetime.now(UTC).isoformat(),
                    "provider": "cerebras",
                    "model": "llama",
                    "input_tokens": 5000,
                    "output_tokens": 1200,
                    "latency_ms": 340.5,
                    "operation": "code_generation",
                }
                bare.write(json.dumps(line) + "\n")
                bare.flush()

            def record() -> None:
                ledger.record_usage("Cerebras", "llama", 5000, 1200, 340.5, "code_generation")

            turns = [(_timed(record), _timed(write)) for _ in range(rounds)]
        ours, reference = (median(turn[side] for turn in turns) for side in (0, 1))
        yield Row("an entry", "us", ours, reference, "locked, followed, judged by its level")
        began = time.perf_counter()
        count = TokenLedger(path, environ={}).check_burn_rate("cerebras").requests
        took = (time.perf_counter() - began) * 1e3
        yield Row(f"the sums of {count:,} entries, anew", "ms", took)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(ENTRIES):
        work()
    return (time.perf_counter() - began) * _US / ENTRIES


BENCH = Bench("the usage ledger; reference: json.dumps and a write of the line", measure, 5)
