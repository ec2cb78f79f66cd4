"""wrk as the load: small requests of a model's client that do not stream."""

import subprocess
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bench.harness import clean_environment
from bench.plane import MODEL, PLACEHOLDER

__all__ = ["CONNECTIONS", "Round", "load"]

CONNECTIONS: Final = 16
_SCRIPT: Final = Path(__file__).with_name("requests.lua")
_QUESTION: Final = (
    "The parser in src/reader.py drops the last line of a file that has no line end. Here is the "
    "loop; say what is wrong with it and give the least change that mends it:\n\n"
    "    while (end := data.find(b'\\n', start)) >= 0:\n"
    "        yield data[start:end]\n"
    "        start = end + 1\n\n"
)
BODY: Final = msgspec.json.encode(
    {
        "model": MODEL,
        "max_tokens": 1024,
        "system": "You are a careful programmer. Answer in a few plain sentences.",
        "messages": [{"role": "user", "content": (_QUESTION * 3)[:820]}],
    }
)
"""A request of about 1,000 bytes."""


class Round(Struct, frozen=True):
    """What one round of wrk saw; `p50` and `p99` are latencies in microseconds."""

    requests: int
    micros: int
    refused: int
    broken: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests answered with success in a second."""
        return self.answered * 1e6 / self.micros

    @property
    def answered(self) -> int:
        """Requests answered with success."""
        return self.requests - self.refused


def load(url: str, seconds: int, core: int, folder: Path) -> Round:
    """Ask for `seconds`, always with one request under way on each of `CONNECTIONS`."""
    body = folder / "body.json"
    body.write_bytes(BODY)
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    done = subprocess.run(
        [*command, "-s", str(_SCRIPT), url],
        env=clean_environment() | {"BENCH_BODY": str(body), "BENCH_KEY": PLACEHOLDER},
        check=True,
        capture_output=True,
    )
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Round)
